# Charm's portable parts, each included by its test together with a machine made of a buffer.
CHARM_TEST_CFLAGS := -I. -Icharm/include -Icharm/x86_64/include
TEST_CFLAGS_charm/x86_64/acpi := $(CHARM_TEST_CFLAGS)
TEST_CFLAGS_charm/x86_64/frame := $(CHARM_TEST_CFLAGS)
TEST_CFLAGS_charm/x86_64/format := $(CHARM_TEST_CFLAGS)
TEST_CFLAGS_charm/x86_64/loader := $(CHARM_TEST_CFLAGS)
