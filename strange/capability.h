/* Sealing and checking of capabilities; links, which are made with the same function. */
#ifndef STRANGE_CAPABILITY_H
#define STRANGE_CAPABILITY_H

#include "state.h"

/* SipHash-2-4-128 (Aumasson and Bernstein, 2012) of everything before `check`, with state.seal_key. */
void capability_seal(struct capability *c);
bool capability_genuine(const struct capability *c);
void siphash_128(const uint64_t key[2], const uint8_t *data, uint64_t bytes, uint64_t out[2]);
/* A number that nobody can guess who does not know state.link_key, whatever he has seen of the others. May be zero. */
uint64_t link_draw(void);

#endif
