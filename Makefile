# PGXS: `make`, `make install` and `make installcheck` mean what they mean for
# every extension, against the server that PG_CONFIG names.  `make demo`,
# `make test`, `make storm`, `make replay` and the like need no
# server: they install what is lacking (Debian) and script/sandbox makes a
# throw-away one.

EXTENSION  = voucher
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(srcdir)/voucher.control)

MODULE_big = voucher
MODULES_C  = voucher amount code scope scope_parse scope_gin allocate plan plan_limit policy evaluate combine rows arguments store promo_code terms catalog catalog_triggers template ledger movement ledger_triggers instrument_triggers protect settlement \
             limit limit_triggers hold_triggers account issue mint attempt activation lifecycle transfer share lines held order shared explain match settle settle_write hold refund_plan settled returns refund cancel arrears rerate_plan rerate invoice history list report order_trigger
# for tests only: a library of which a statement can be made to fail
ifdef FAULTS
MODULES_C += store_fault
PG_CPPFLAGS += -DVOUCHER_FAULTS
endif
OBJS       = $(patsubst %,src/%.o,$(MODULES_C))

# The install script is these parts in this order; a part may use what stands
# above it and nothing below.
SQL_PARTS  = schema amount code scope catalog template ledger order settlement limit hold account issue mint attempt activation lifecycle transfer share match settle \
             refund cancel arrears rerate invoice history list statement check report order_trigger roles

DATA_built = $(EXTENSION)--$(EXTVERSION).sql

REGRESS    = amount code scope catalog template account ledger limit hold issue mint activation lifecycle transfer share order bill settle \
             refund cancel arrears rerate invoice history list statement check report order_trigger errors functions story
REGRESS_OPTS = --load-extension=voucher
ISOLATION  = settle-settle settle-replay settle-entry request-id create-create mint-mint mint-pattern activate-activate claim-claim first-purchase \
             refund-refund refund-invoice cancel-cancel cancel-settle refund-settle invoice-invoice arrears rerate freeze-settle revoke-settle transfer-transfer change-settle expiry share-share share-reclaim take-take limit limit-issue limit-account limit-order limit-hold hold hold-order hold-limit hold-expired
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation --load-extension=voucher
EXTRA_CLEAN = tmp_check

PG_CFLAGS  = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

srcdir    ?= .
PG_CONFIG ?= pg_config
PGXS      := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
$(shell mkdir -p src)		# for a build outside the source folder
else
all install installcheck uninstall clean:
	@echo '$(PG_CONFIG) leads to no PostgreSQL server headers: set PG_CONFIG, or run script/install-packages (Debian)' >&2
	@false
endif

$(EXTENSION)--$(EXTVERSION).sql: $(addprefix $(srcdir)/src/,$(addsuffix .sql,$(SQL_PARTS))) $(srcdir)/voucher.control $(srcdir)/Makefile
	(printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit' && \
	 cat /dev/null $(addprefix $(srcdir)/src/,$(addsuffix .sql,$(SQL_PARTS)))) > $@

$(OBJS) $(OBJS:.o=.bc): $(wildcard $(srcdir)/src/*.h)

demo:   COMMAND = psql -X -f demo/story.sql
test:   COMMAND = env REGRESS='$(REGRESS)' ISOLATION='$(ISOLATION)' script/test
storm:  COMMAND = env REGRESS= ISOLATION= ONLY=storm STORM_KILLS=$(or $(KILLS),20) STORM_ACTS=$(or $(ACTS),200) script/test
smith:  COMMAND = script/smith $(or $(SECONDS),600)
upgrade-test: COMMAND = env NEW='$(NEW)' script/upgrade-test
valgrind: COMMAND = env REGRESS='$(REGRESS)' script/valgrind
replay: COMMAND = script/replay
bench:  COMMAND = script/bench
instructions: COMMAND = script/instructions

.PHONY: demo test storm smith valgrind upgrade-test replay bench instructions
demo test storm smith valgrind upgrade-test replay bench instructions:
	@cd $(srcdir) && script/install-packages $@ && exec script/sandbox $(COMMAND)

# needs no server
.PHONY: fuzz
fuzz:
	@cd $(srcdir) && script/install-packages $@ && exec script/fuzz $(or $(SECONDS),600)

# all that takes long
.PHONY: torture
torture: storm fuzz smith valgrind
