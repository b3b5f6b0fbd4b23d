/* Instructions without effect by which a measured program tells bench/count where counting begins and ends:
 * nopl DISPLACEMENT(%rax), with a displacement that no compiler makes and whose last byte says which mark it is. */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK_START 0x0f, 0x1f, (char)0x80, 0x52, 0x4f, 0x57 /* without the last byte */
#define MARK_BEGIN 0x01
#define MARK_END 0x02
#define MARK_ROW 0x03
#define MARK_BYTES 7

#define mark(which) __asm__ volatile(".byte 0x0f, 0x1f, 0x80, 0x52, 0x4f, 0x57, %c0" : : "i"(which) : "memory")

#endif
