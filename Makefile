# Build, try and test the steps. "make help" lists what there is. GNU make.

STEPS := $(sort $(wildcard step[0-9][0-9]-*))
LATEST := $(lastword $(STEPS))
PROGRAMS := $(STEPS:%=build/%)
SANITIZED := $(STEPS:%=build/asan/%)
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
CT_CHECKS := $(patsubst tests/ct/%.c,%,$(wildcard tests/ct/*.c))

PYTHON ?= python3
CLANG ?= clang
CFLAGS ?= -O2 -Wall -Wextra
STRICT := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Werror
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_SECONDS ?= 60
JOBS ?= 2
# Some C libraries have iconv in a library of its own.
LDLIBS += $(if $(filter Darwin FreeBSD OpenBSD NetBSD,$(shell uname -s)),$(ICONV))
ICONV ?= -liconv
# Every child is a fork of the parent: let the parent look up what it calls in
# libc once, at its start, instead of each child again.
LDFLAGS += $(if $(filter Linux,$(shell uname -s)),-Wl$(comma)-z$(comma)now)
comma := ,

sources = $(wildcard $(1)/*.[ch] $(1)/tls/*/*.[ch])
step = $(firstword $(filter step$(1)-%,$(STEPS)))

all: $(PROGRAMS)  ## build all steps into build/

.SECONDEXPANSION:
$(PROGRAMS): build/%: $$(call sources,%) | build
	$(CC) -std=c11 $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) $(LDLIBS)

$(SANITIZED): build/asan/%: $$(call sources,%) | build/asan
	$(CC) -std=c11 $(SANITIZE) -o $@ $(filter %.c,$^) $(LDLIBS)

build build/asan build/fuzz:
	mkdir -p $@

run:  ## run the latest step, with a mailbox "you", trace on
	@$(MAKE) --no-print-directory --silent build/$(LATEST)
	@echo 'Send it a mail from another terminal, here at the top of the repository:'
	@echo '    $(PYTHON) tests/send.py --to you@localhost --text hello --attach README.md'
	@echo 'or type one: nc -C localhost 2525 (TUTORIAL.md, chapter 2). Ctrl-C ends it.'
	@echo 'What comes is in build/run/mail/you/new, its parts in build/run/parts.'
	@mkdir -p build/run/mail/you/tmp build/run/mail/you/new build/run/mail/you/cur
	@cd build/run && ../$(LATEST) -v -m mail -x parts -c cert.pem -k key.pem $(OPTIONS)

demo:  ## send a multipart mail to the latest step; VERBOSE=1 shows all of it
	@$(MAKE) --no-print-directory --silent build/$(LATEST)
	@$(PYTHON) tests/demo.py $(if $(VERBOSE),--verbose) build/$(LATEST)

doctor:  ## which of the tools that the text and the tests use are missing here
	@$(PYTHON) tests/doctor.py

test:  ## run all tests on all steps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	$(PYTHON) tests/run.py

# "make test-03" tests step 3 with the tests of stages 1 to 3; with PROG=path it
# tests that program instead, and compiles nothing.
test-%: $(if $(PROG),,$(PROGRAMS))  ## (test-03) one step; PROG=path: somebody else's program
	$(PYTHON) tests/run.py $* $(if $(PROG),--prog "$(PROG)")

spec-%:  ## (spec-02) what stage 2 asks of a program, station by station
	@$(PYTHON) tests/spec.py $*

# The labs take anybody's program, and compile nothing.
next-%:  ## (next-02) the first station that PROG=path does not pass; WATCH=1: again and again
	@$(PYTHON) tests/labs/next.py $* --prog "$(PROG)" $(if $(WATCH),--watch) $(if $(TEST),--test '$(TEST)')

lab-%:  ## (lab-02) begin stage 2 in DIR=path: step 1, a Makefile, the stations
	@$(PYTHON) tests/labs/lab.py $* "$(DIR)"

grade-%:  ## (grade-02) 100 points for PROG=path; OUT=dir: results.json, junit.xml; HIDDEN=dir
	@$(PYTHON) tests/labs/grade.py $* --prog "$(PROG)" $(if $(OUT),--out "$(OUT)") $(if $(HIDDEN),--hidden "$(HIDDEN)")

handout-%:  ## (handout-03) into OUT=dir what a class gets for stage 3, and nothing later
	@$(PYTHON) tests/labs/handout.py $* "$(OUT)"

# Before step 1 there is an empty directory.
diff-%:  ## (diff-04) what step 4 changed
	@mkdir -p build/nothing; new=$(call step,$*); old=$$(echo build/nothing $(STEPS) | tr ' ' '\n' | \
	    grep -B1 "^$$new$$" | head -n 1); \
	if [ -t 1 ] && diff --color=always Makefile Makefile 2>/dev/null; \
	then diff --color=always -ruN $$old $$new; \
	else diff -ruN $$old $$new; fi; [ $$? -le 1 ]

book:  ## the text and beside it the code, for a browser: build/book/index.html
	@$(PYTHON) tests/repository/book.py $(BOOK)

# The folders of tls/ in their order. build/try/hash is tests/try/hash.c with the
# folders up to hash and no other; it works also where there are no others yet.
# With LATEST=mine it is build/try-mine/hash.
TRY := build/try$(if $(filter-out step%,$(LATEST)),-$(notdir $(LATEST)))
FOLDERS := bytes hash cipher exchange signature certificate record schedule handshake
up_to = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,\
    $(call up_to,$(1),$(wordlist 2,$(words $(2)),$(2)))))
tls_up_to = $(foreach f,$(call up_to,$(1),$(FOLDERS)),$(wildcard $(LATEST)/tls/$(f)/*.[ch]))

$(TRY)/%: tests/try/%.c tests/try/try.h $$(call tls_up_to,$$*)
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CFLAGS) -I$(LATEST)/tls -o $@ $(filter %.c,$^)

try-%: $(TRY)/%  ## (try-hash) one folder of tls/ and those before it, at work
	$< $(ARGS)

bench: $(PROGRAMS)  ## measure, beside programs that are known
	$(PYTHON) tests/bench.py

help:  ## this list
	@sed -n 's/^\([a-z%-]*\):.*##  *\(.*\)/  make \1	\2/p' Makefile

clean:  ## remove build/
	rm -rf build

# ---- Checks: what CI runs besides the tests. A tool that is not installed is
# ---- passed over, unless CHECK_ALL is set.

check:  ## the tests again under sanitizers, and all other checks
	@$(MAKE) --no-print-directory -j$(JOBS) all $(SANITIZED)
	@$(MAKE) --no-print-directory -j$(JOBS) $(SYNC) $(CHECKS)
	@echo "all checks passed"

# The longest first, side by side; each prints what it has to say at its end.
CHECKS := check-labs check-asan-robust check-asan-core check-asan check-compilers \
          check-fuzz ct check-valgrind check-static check-format
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync)

missing = { echo "$(1) is not installed: passed over"; [ -z "$(CHECK_ALL)" ]; }
need = command -v $(1) >/dev/null || $(call missing,$(1))

check-compilers:
	@set -e; for cc in gcc clang musl-gcc; do \
	    $(call need,$$cc); command -v $$cc >/dev/null || continue; \
	    $(MAKE) --no-print-directory $(STEPS:%=build/check/$$cc/%); \
	done

# gcc sees more while it optimizes; for the others that is only time.
build/check/gcc/%: STRICT += -O2

build/check/gcc/% build/check/clang/% build/check/musl-gcc/%: $$(call sources,$$*)
	@mkdir -p $(@D)
	$(notdir $(@D)) $(STRICT) -o $@ $(filter %.c,$^)

check-format:
	@$(call need,clang-format); command -v clang-format >/dev/null || exit 0; \
	clang-format --dry-run -Werror \
	    $(foreach s,$(STEPS),$(call sources,$(s))) $(wildcard tests/*/*.c)

# cppcheck sees a struct of which a part is set as not set at all; compilers and
# valgrind know better.
check-static:
	@$(call need,cppcheck); command -v cppcheck >/dev/null || exit 0; \
	set -e; for step in $(STEPS); do \
	    cppcheck --quiet --std=c11 --enable=warning,performance,portability \
	        --suppress=uninitvar --suppress=ctuuninitvar --error-exitcode=1 $$step; \
	done

# The programs again, sanitized: all steps on their key tests, the last one, which
# has nearly all of their code, on the rest, too. What does not run the programs
# need not run again. For leaks (each end is slow then), and inside TLS, the key
# tests have to do.
FOR_PROGRAMS := -k "not primitives and not key_schedule"
ASAN = ASAN_OPTIONS=strict_string_checks=1:detect_leaks=$(1) \
    SMTPD_BUILD=build/asan SMTPD_TEST_TIMEOUT_SCALE=3 $(PYTHON) tests/run.py

check-asan: $(SANITIZED)
	$(call ASAN,0) --plaintext -- -m "key and not repository" $(FOR_PROGRAMS)
	$(call ASAN,1) 6 -- -m key $(FOR_PROGRAMS)

check-asan-core check-asan-robust: check-asan-%: build/asan/$(LATEST)
	$(call ASAN,0) 6 --plaintext -- --changed -m $* $(FOR_PROGRAMS)

# What a class gets, and the book: they mark and show what the steps are.
check-labs: $(PROGRAMS)
	$(PYTHON) tests/run.py --labs
	@$(MAKE) --no-print-directory bugs attacks exercises

# A handful of sessions. A child that valgrind complains about writes a log that
# is not empty. Children end without giving memory back: no look at leaks.
check-valgrind: $(PROGRAMS)
	@$(call need,valgrind); command -v valgrind >/dev/null || exit 0; \
	rm -rf build/valgrind; mkdir -p build/valgrind; \
	SMTPD_TEST_TIMEOUT_SCALE=10 $(PYTHON) tests/run.py 5 \
	    --prog "valgrind -q --suppressions=$(CURDIR)/tests/valgrind.supp --log-file=$(CURDIR)/build/valgrind/%p.log $(CURDIR)/build/$(LATEST)" \
	    -- -m key -k 05_multipart && \
	! grep . build/valgrind/*.log

# Constant time, shown: secrets are marked as undefined memory, and valgrind
# reports each branch and each address that depends on one. ct_negative does
# that on purpose: it must be caught.
ct: $(CT_CHECKS:%=build/ct/%)  ## no branch and no address depends on a secret
	@$(call need,valgrind); command -v valgrind >/dev/null || exit 0; \
	set -e; for check in $(filter-out ct_negative,$(CT_CHECKS)); do \
	    echo "constant time: $$check"; \
	    valgrind -q --error-exitcode=1 build/ct/$$check; \
	done; \
	echo "the negative control, which must be caught: ct_negative"; \
	! valgrind -q --error-exitcode=1 build/ct/ct_negative >/dev/null 2>&1

CT_CC = $(CC) -std=c11 -O2 -gdwarf-4 -DCT_CHECK -I$(LATEST)/tls $(CT_EXTRA)

build/ct/objects/%.o: $(LATEST)/tls/%.c $(call sources,$(LATEST))
	@mkdir -p $(@D)
	$(CT_CC) -c -o $@ $<

build/ct/%: tests/ct/%.c $(patsubst $(LATEST)/tls/%.c,build/ct/objects/%.o,$(wildcard $(LATEST)/tls/*/*.c))
	$(CT_CC) -o $@ $^

fuzz: $(FUZZERS:%=fuzz-%)  ## fuzz the parsers for FUZZ_SECONDS each

# With the same numbers each time: what is found by chance is for "make fuzz".
check-fuzz:
	@$(call need,$(CLANG)); command -v $(CLANG) >/dev/null || exit 0; \
	$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=2 FUZZ_OPTIONS=-seed=1

FUZZED := $(filter-out %/main.c,$(wildcard $(LATEST)/*.c $(LATEST)/tls/*/*.c))
FUZZ_CC = $(CLANG) -std=c11 -g -O1 -fsanitize=address,undefined

build/fuzz/objects/%.o: $(LATEST)/%.c $(call sources,$(LATEST))
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/%: tests/fuzz/fuzz_%.c $(FUZZED:$(LATEST)/%.c=build/fuzz/objects/%.o)
	$(FUZZ_CC) -fsanitize=fuzzer -I$(LATEST) -I$(LATEST)/tls -o $@ $^

.PRECIOUS: $(TRY)/% build/fuzz/objects/%.o build/fuzz/% build/ct/objects/%.o

fuzz-%: build/fuzz/%
	@mkdir -p build/fuzz/corpus-$*
	build/fuzz/$* $(FUZZ_OPTIONS) -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	    -rss_limit_mb=1024 -verbosity=0 -print_final_stats=0 \
	    -artifact_prefix=build/fuzz/ build/fuzz/corpus-$* \
	    $(wildcard tests/fuzz/seeds/$*)

# ---- Exercises of the text, marked by a test each.

EXERCISES = CC="$(CC)" LDLIBS="$(LDLIBS)" $(PYTHON) tests/labs/exercises.py

exercise-%:  ## (exercise-3-b) does your program do what exercise 3-b asks? PROG=path
	@$(EXERCISES) exercise $* $(if $(PROG),--prog "$(PROG)")

answer-%:  ## (answer-3-b) one way to do it
	@$(EXERCISES) answer $*

exercises:  ## prove that each is open on its step, and done with its answer
	@$(EXERCISES) exercises

.PHONY: exercises

# ---- Labs: find the bug, attack and mend. Everything goes into build/labs/.

LABS = CC="$(CC)" LDLIBS="$(LDLIBS)" $(PYTHON) tests/labs/labs.py

bug-%:  ## (bug-07) a program with a bug in it; CHECK=your.diff: is it mended?
	@$(LABS) bug $* $(if $(CHECK),--check "$(CHECK)")

attack-%:  ## (attack-smuggling) a server to attack: EXPLOIT=mine.py; to mend: CHECK=your.diff
	@$(LABS) attack $* $(if $(EXPLOIT),--exploit "$(EXPLOIT)") $(if $(CHECK),--check "$(CHECK)")

bugs:  ## prove that the tests see each of these bugs
	@$(LABS) bugs

attacks:  ## prove that each attack works, and not on the step
	@$(LABS) attacks

.PHONY: bugs attacks

.PHONY: all run demo doctor test book bench help clean check check-compilers check-format \
        check-static check-asan check-asan-core check-asan-robust check-labs check-valgrind \
        fuzz check-fuzz ct
