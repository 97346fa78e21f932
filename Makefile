# Build, try and test the steps. "make help" lists what there is.

CFLAGS ?= -O2 -Wall -Wextra
STEPS := $(sort $(wildcard step[0-9][0-9]-*))
PROGRAMS := $(STEPS:%=build/%)

all: $(PROGRAMS)

.SECONDEXPANSION:
$(PROGRAMS): build/%: $$(wildcard %/*.[ch] %/tls/*.[ch]) | build
	$(CC) -std=c11 $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^)

build:
	mkdir -p $@

clean:
	rm -rf build

.PHONY: all clean
