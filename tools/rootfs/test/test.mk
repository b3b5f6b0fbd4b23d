TEST_SOURCES_tools/rootfs/rootfs := $(wildcard tools/rootfs/*.c) tools/common/complain.c tools/common/file.c
