/*
 * voucher.c
 *		Module magic.
 *
 * The extension keeps no settings and needs no shared memory: everything that
 * decides about money is an argument, a row or a rule in plan.c.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
