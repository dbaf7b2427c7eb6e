/* channels.h - see channels.c. */
#ifndef ADGEN_REWRITE_CHANNELS_H
#define ADGEN_REWRITE_CHANNELS_H

struct unit;

void turn_channels(struct unit *unit);

#endif
