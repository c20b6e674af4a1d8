/*
 * terms.h
 *		Templates and policies of rows: for the catalogue, which keeps them.
 */
#ifndef VOUCHER_TERMS_H
#define VOUCHER_TERMS_H

#include "catalog.h"

extern Template *BuildTemplate(MemoryContext context);
extern Policy *BuildPolicy(MemoryContext context);

#endif							/* VOUCHER_TERMS_H */
