/* Rights of references, mappings and kernels. */
#ifndef ABI_RIGHTS_H
#define ABI_RIGHTS_H

enum {                          /* of a mapping, a fault and a container reference */
	RIGHT_READ = 1,
	RIGHT_WRITE = 2,
	RIGHT_EXECUTE = 4,
	RIGHT_CALL = 8,             /* of a portal reference */
	RIGHT_SIGNAL = 16,          /* of a container reference: may name a signal thread */
	RIGHT_ALL = 31,
};

enum {                          /* of a kernel, in its home, written only by its keeper */
	KERNEL_MAY_SUPERVISE = 1,   /* may place domains in ring 0 */
	KERNEL_MAY_PORTS = 2,       /* I/O ports and configuration space */
	KERNEL_MAY_INTERRUPTS = 4,
	KERNEL_MAY_FRAMES = 8,      /* may load pages of any frame in its extents: is a manager */
	KERNEL_MAY_KERNELS = 16,    /* may load kernels (root, SRM) */
	KERNEL_MAY_MACHINE = 32,    /* power-off, forget, statistics */
};

#endif
