/* versions.h - see versions.c. */
#ifndef ADGEN_REWRITE_VERSIONS_H
#define ADGEN_REWRITE_VERSIONS_H

struct unit;

void span_versions(struct unit *unit);

#endif
