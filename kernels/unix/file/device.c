/* Character devices without hardware: null, zero, full, random; and the folder /dev. Also how the files half starts. */
#include "file/terminal.h"

#include "process/random.h"

enum { MAJOR_MEMORY = 1, MAJOR_TERMINAL = 5, MAJOR_SLAVE = 136, RANDOM_CHUNK = 128, ZEROS = 64 };

static int64_t none_read(struct file *file, struct io *io, uint64_t *position)
{
	(void)file, (void)io, (void)position;
	return 0;
}

static int64_t none_write(struct file *file, struct io *io, uint64_t *position)
{
	(void)file, (void)position;
	return (int64_t)io->left;
}

static int64_t zero_read(struct file *file, struct io *io, uint64_t *position)
{
	static const char zeros[ZEROS];
	uint64_t wanted = io->left, done;

	(void)file, (void)position;
	if (wanted <= ZEROS && io->bytes == wanted && !io->internal)    /* a few bytes, in one piece: at once */
		done = user_write_some(io->address, zeros, wanted);
	else
		done = io_zero(io, wanted);
	return done || !wanted ? (int64_t)done : -EFAULT;
}

static int64_t full_write(struct file *file, struct io *io, uint64_t *position)
{
	(void)file, (void)position;
	return io->left ? -ENOSPC : 0;
}

static int64_t random_read(struct file *file, struct io *io, uint64_t *position)
{
	uint8_t chunk[RANDOM_CHUNK];
	uint64_t total = 0, wanted = io->left;

	(void)file, (void)position;
	while (io->left) {
		uint64_t step = io->left < RANDOM_CHUNK ? io->left : RANDOM_CHUNK, done;

		random_bytes(chunk, step);
		done = io_put(io, chunk, step);
		total += done;
		if (done < step || (io->left && signal_is_pending()))
			break;
	}
	return total || !wanted ? (int64_t)total : -EFAULT;
}

/* Nothing to be positioned in, but lseek succeeds on these devices. */
static const struct file_operations null_operations = {.seekable = true, .stateless = true, .read = none_read, .write = none_write};
static const struct file_operations zero_operations = {.seekable = true, .stateless = true, .read = zero_read, .write = none_write};
static const struct file_operations full_operations = {.seekable = true, .stateless = true, .read = zero_read, .write = full_write};
static const struct file_operations random_operations = {.seekable = true, .stateless = true, .read = random_read, .write = none_write};

int device_open(struct inode *inode, struct file *file)
{
	switch (inode->device) {
	case DEVICE(MAJOR_MEMORY, 3):
		file->operations = &null_operations;
		return 0;
	case DEVICE(MAJOR_MEMORY, 5):
		file->operations = &zero_operations;
		return 0;
	case DEVICE(MAJOR_MEMORY, 7):
		file->operations = &full_operations;
		return 0;
	case DEVICE(MAJOR_MEMORY, 8):
	case DEVICE(MAJOR_MEMORY, 9):
		file->operations = &random_operations;
		return 0;
	case DEVICE(MAJOR_TERMINAL, 0):
	case DEVICE(MAJOR_TERMINAL, 1):
		return terminal_open(inode, file);
	case DEVICE(MAJOR_TERMINAL, 2):
		return pty_open_master(file);
	}
	if (inode->device >> 8 == MAJOR_SLAVE)
		return terminal_open(inode, file);
	return -ENXIO;
}

static struct inode *folder_make(struct inode *parent, const char *name, uint32_t mode)
{
	struct inode *found;
	uint32_t bytes = (uint32_t)strlen(name);

	if (directory_find(parent, name, bytes, name_hash(name, bytes), &found) == 0) {
		bool usable = inode_is(found, S_IFDIR);

		inode_put(found);       /* its name holds it */
		if (usable)
			return found;
	}
	return directory_install(parent, name, inode_make(S_IFDIR | mode, 0, 0, 0));
}

static struct inode *link_make(const char *target)
{
	struct inode *inode = inode_make(S_IFLNK | 0777, 0, 0, 0);

	if (inode && inode_link_set(inode, target, strlen(target))) {
		inode_put(inode);
		inode = 0;
	}
	return inode;
}

int device_install(struct inode *root)
{
	static const struct { const char *name; uint32_t mode, device; } devices[] = {
		{"null", 0666, DEVICE(1, 3)}, {"zero", 0666, DEVICE(1, 5)}, {"full", 0666, DEVICE(1, 7)},
		{"random", 0666, DEVICE(1, 8)}, {"urandom", 0666, DEVICE(1, 9)},
	};
	static const struct { const char *name, *target; } links[] = {
		{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
		{"stderr", "/proc/self/fd/2"},
	};
	struct inode *dev = directory_install(root, "dev", inode_make(S_IFDIR | 0755, 0, 0, 0)), *pts, *shared;

	if (!dev)
		return -ENOMEM;
	for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (!directory_install(dev, devices[i].name, inode_make(S_IFCHR | devices[i].mode, 0, 0, devices[i].device)))
			return -ENOMEM;
	for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (!directory_install(dev, links[i].name, link_make(links[i].target)))
			return -ENOMEM;
	if (!directory_install(dev, "tty", inode_make(S_IFCHR | 0666, 0, 0, DEVICE(MAJOR_TERMINAL, 0))))
		return -ENOMEM;
	if (console_terminal && !directory_install(dev, "console", console_terminal_inode()))
		return -ENOMEM;
	pts = folder_make(dev, "pts", 0755);
	if (!pts || pty_install(dev, pts))
		return -ENOMEM;
	shared = folder_make(dev, "shm", 01777);
	if (!shared)
		return -ENOMEM;
	shared->filesystem = FILESYSTEM_SHARED;
	return folder_make(root, "tmp", 01777) &&
		folder_make(root, "run", 0755) ? 0 : -ENOMEM;
}

/* ---- start ---- */

void files_init(void)
{
	int status = tree_init();

	if (status == -ENOMEM)
		unix_panic("unix: no memory for the file system");
	if (console_init() || device_install(tree_root) || proc_install(tree_root))
		unix_panic("unix: no memory for devices");
}

static int standard_open(struct files *files)
{
	uint32_t bytes = 3, hash = name_hash("dev", bytes);
	struct inode *dev = 0, *inode;
	struct file *file;
	int status = directory_find(tree_root, "dev", bytes, hash, &dev);

	for (int n = 0; n < 3 && status == 0; n++) {
		inode = console_inode(n);
		status = file_open_inode(inode, inode_is(inode, S_IFCHR) ? dev : 0,
			inode_is(inode, S_IFCHR) ? O_RDWR : n ? O_WRONLY : O_RDONLY, &file);
		inode_put(inode);
		if (status == 0)
			status = files_set(files, n, file);
	}
	inode_put(dev);
	return status;
}

int files_first(struct process *process)
{
	struct path_state *paths = heap_alloc(sizeof(struct path_state));
	int status;

	process->files = files_make();
	process->paths = paths;
	if (!process->files || !paths)
		return -ENOMEM;
	paths->current = paths->root = tree_root;
	inode_get(tree_root);
	inode_get(tree_root);
	paths->umask = 022;
	status = standard_open(process->files);
	if (status == 0 && console_terminal)
		terminal_control(console_terminal, process);
	return status;
}
