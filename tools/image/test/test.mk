TEST_SOURCES_tools/image/image := tools/image/image.c tools/common/complain.c tools/common/file.c
