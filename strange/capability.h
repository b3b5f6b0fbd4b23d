/* Sealing and checking of capabilities. */
#ifndef STRANGE_CAPABILITY_H
#define STRANGE_CAPABILITY_H

#include "state.h"

/* SipHash-2-4-128 (Aumasson and Bernstein, 2012) of everything before `check`, with state.seal_key. */
void capability_seal(struct capability *c);
bool capability_genuine(const struct capability *c);
void siphash_128(const uint64_t key[2], const uint8_t *data, uint64_t bytes, uint64_t out[2]);

#endif
