/* config_digest.h - the part of a large file that matters for a base class of configurations. */
#ifndef ADGEN_REWRITE_CONFIG_DIGEST_H
#define ADGEN_REWRITE_CONFIG_DIGEST_H

#include "rewrite/unit.h"

/* A module with what config.c looks at: imports, classes with their fields, properties and initialisers.
 * Found by a scan of lines, so that a file of 70 KB costs as much as one of 5 KB. Its source is the digest: spans do
 * not point into the file. Read once in a context: no pass may write into its nodes. NULL, and nothing said, if the
 * file cannot be read. */
struct module *config_digest(struct unit *unit, const char *path);

#endif
