/* emit_header.c - licence lines and docstring. */
#include <string.h>

#include "base/file.h"
#include "emit/emit.h"
#include "emit/gaps.h"
#include "emit/limits.h"
#include "emit/python.h"
#include "rewrite/declined.h"

static const char ours[] =
    "# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.\n";

static size_t trim_rights(const char *line, size_t len) {
    static const char rights[] = "All rights reserved.";
    size_t n = sizeof rights - 1;
    if (len > n && strncmp(line + len - n, rights, n) == 0)
        len -= n;
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
        len--;
    return len;
}

/* The copyright lines at the top of a source, but for those that are there. */
static void copy_rights(struct arena *arena, const struct source *source, struct buf *out) {
    const char *p = source->text;
    while (*p == '#' || *p == '\n' || *p == '\r') {
        size_t len = strcspn(p, "\n");
        bool claims = strncmp(p, "# Copyright", 11) == 0;
        const char *line =
            claims ? arena_printf(arena, "# SPDX-FileCopyrightText: %.*s\n", (int)trim_rights(p + 2, len - 2), p + 2)
                   : NULL;
        if (claims && strstr(out->at, line) == NULL)
            buf_puts(out, line);
        p += len + (p[len] == '\n');
    }
}

/* " 5.23.0": the package's `__version__`, after a space; "" if it says none. */
static const char *read_version(struct arena *arena, const char *root) {
    static const char assignment[] = "\n__version__ = \"";
    struct buf text = {0};
    const char *version = "";
    if (file_load(path_join(arena, root, "__init__.py"), &text)) {
        buf_putc(&text, '\0');
        const char *at = strstr(text.at, assignment);
        size_t len = at ? strcspn(at + sizeof assignment - 1, "\"\n") : 0;
        if (len > 0)
            version = arena_printf(arena, " %.*s", (int)len, at + sizeof assignment - 1);
    }
    buf_free(&text);
    return version;
}

static const char *version_of(struct unit *u) {
    struct unit *keeper = unit_keeper(u);
    atom root = intern(u->atoms, u->package.root);
    if (!map_has(&keeper->versions, root))
        map_put(keeper->arena, &keeper->versions, root, (void *)read_version(keeper->arena, root));
    return map_get(&keeper->versions, root);
}

/* The path inside the package, else the file's name; where the package lies does not show. */
const char *short_path(const struct unit *u, const struct module *module) {
    const char *base = strrchr(module->source->path, '/');
    if (module->package == NULL)
        return base ? base + 1 : module->source->path;
    char *path = arena_printf(u->arena, "%s.py", module->name + strcspn(module->name, ".") + 1);
    for (char *at = path; *at != '\0' && strcmp(at, ".py") != 0; at++)
        if (*at == '.')
            *at = '/';
    return path;
}

/* "attention, RoPE and RMSNorm": what the module's code has as canonical ops; "" for nothing. */
static const char *canonical_ops(struct emitter *e, const char *code, uint32_t *count) {
    static const struct {
        const char *call, *title;
    } kinds[] = {{".torch_attention(", "attention"}, {".torch_mla(", "latent attention"},
        {".torch_gated_delta_rule(", "delta rule"}, {".torch_ssm(", "state space"},
        {".torch_causal_conv1d(", "convolution"}, {".torch_rope_with_", "RoPE"}, {".torch_rmsnorm", "RMSNorm"},
        {".torch_l2norm(", "L2 norm"}};
    const char *found[sizeof kinds / sizeof kinds[0]], *all = "";
    *count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strstr(code, kinds[i].call) != NULL)
            found[(*count)++] = kinds[i].title;
    for (uint32_t i = 0; i < *count; i++)
        all = arena_printf(e->unit->arena, "%s%s%s", all, i == 0 ? "" : i + 1 < *count ? ", " : " and ", found[i]);
    return all;
}

/* A paragraph, in lines that fit. */
static void write_wrapped(struct buf *out, const char *text) {
    for (size_t room = LINE_LENGTH; *text;) {
        size_t len = strcspn(text, " ");
        bool first = room == LINE_LENGTH;
        if (!first && len + 1 > room) {
            buf_puts(out, "\n");
            room = LINE_LENGTH;
            continue;
        }
        buf_printf(out, "%s%.*s", first ? "" : " ", (int)len, text);
        room -= len + !first;
        text += len + (text[len] == ' ');
    }
    buf_puts(out, "\n");
}

/* A table of ours: _ad_cos_cached, or _ad_{layer_type}_cos_cached. */
static bool has_tables(const char *code) {
    for (const char *at = code; (at = strstr(at, "_ad_")) != NULL; at++) {
        const char *end = at + strcspn(at, " \"\n"), *cos = strstr(at, "cos_cached");
        if (cos != NULL && cos < end)
            return true;
    }
    return false;
}

/* The rope ops take lanes in pairs as well as in halves, so the choice is to leave the order of the lanes to them. */
static void emit_latents(const char *code, struct buf *out) {
    bool pairs = strstr(code, ".torch_rope_with_qk_interleaving(") || strstr(code, ".torch_rope_with_complex_freqs(");
    buf_puts(out, "* keys and values stay latents: ``torch_mla`` gets the weight that would expand them\n");
    if (pairs)
        buf_puts(out, "* rotary lanes in pairs are rotated as such, so no published weight has to be permuted\n");
}

/* A list item, wrapped. */
void emit_item(struct buf *out, const char *text) {
    size_t column = 1;
    buf_putc(out, '*');
    for (size_t len; *text != '\0'; text += len) {
        text += strspn(text, " ");
        len = strcspn(text, " ");
        bool fits = column + 1 + len <= LINE_LENGTH;
        buf_printf(out, "%s%.*s", fits ? " " : "\n  ", (int)len, text);
        column = fits ? column + 1 + len : 2 + len;
    }
    buf_putc(out, '\n');
}

static void emit_assumed(const struct emitter *e, struct buf *out) {
    const char *text = limit_paragraph(e->unit);
    if (text == NULL)
        return;
    buf_puts(out, "\n");
    write_wrapped(out, text);
}

/* Only what is so in this module is said. */
static void emit_differences(struct emitter *e, const char *code, struct buf *out) {
    uint32_t count;
    const char *ops = canonical_ops(e, code, &count);
    buf_puts(out, "Differences from the source:\n"
                  "* prefill only: no KV cache, no attention masks, no training code, no output collection\n");
    if (count > 0)
        emit_item(out, arena_printf(e->unit->arena, "%s %s in BSND layout", ops,
                           count == 1 ? "is an AutoDeploy canonical op" : "are AutoDeploy canonical ops"));
    if (strstr(code, ".torch_mla(") != NULL)
        emit_latents(code, out);
    if (strstr(code, ".torch_moe(") != NULL)
        buf_puts(out, "* every expert is a module; the loop over the chosen ones is the canonical op for it\n");
    if (strstr(code, ".torch_moe_dense_mlp(") != NULL)
        buf_puts(out, "* the loop over the chosen experts is the canonical op for it\n");
    if (e->unit->plain_experts)
        emit_item(out,
            arena_printf(e->unit->arena,
                "experts are plain PyTorch, each computed for every token and weighted by what the router gives it: no "
                "operator computes ``%s``",
                e->unit->plain_experts));
    if (has_tables(code))
        buf_puts(out, "* cos/sin tables are built once and indexed once per forward by ``position_ids``\n");
    if (e->unit->axes_joined)
        emit_item(out, "``position_ids`` are [B, S]: a token of text has the same position along all axes");
    if (e->unit->needs_tokens)
        buf_puts(out, "* what reads token ids wants them given: they are not found again from ``inputs_embeds``\n");
    emit_tower_items(e->unit, out);
    const char *declined = declined_setting(e->unit);
    if (declined)
        buf_printf(out, "* a configuration with ``%s`` is declined: the constructor raises\n", declined);
    if (e->unit->prefill_only) {
        buf_puts(out, "\n");
        write_wrapped(out, arena_printf(e->unit->arena, "Not servable with a cache: %s.", e->unit->prefill_only));
    }
    emit_assumed(e, out);
    buf_puts(out, "\"\"\"\n\n");
}

/* A file with gaps is not to be taken for a translation. */
static void emit_gaps(struct emitter *e, struct buf *out) {
    struct unit *u = e->unit;
    uint32_t count;
    struct diag **list = gaps_of(u, &count);
    buf_puts(out, "This is no translation: what is listed here was not understood. The places are marked\n"
                  "``" GAP_MARKER "...``, with the statements as the source has them, and the model is\n"
                  "not registered.\n");
    for (uint32_t i = 0; i < count; i++) {
        const struct diag *d = list[i];
        const char *place = "";
        if (d->source) {
            struct location at = source_locate(d->source, d->span.start);
            place = arena_printf(u->arena, "%s:%u: ", path_base(d->source->path), at.line);
        }
        emit_item(out, arena_printf(u->arena, "%s%s%s%s%s", place, d->message, d->rule ? " [" : "",
                           d->rule ? d->rule : "", d->rule ? "]" : ""));
    }
    emit_assumed(e, out);
    buf_puts(out, "\"\"\"\n\n");
}

void emit_licence(const struct unit *u, struct buf *out) {
    buf_puts(out, ours);
    const struct module *module;
    for (uint32_t i = 0; (module = unit_module(u, i)) != NULL; i++)
        copy_rights(u->arena, module->source, out);
    buf_puts(out, "# SPDX-License-Identifier: Apache-2.0\n\n");
}

void emit_header(struct emitter *e, const char *code, struct buf *out) {
    struct unit *u = e->unit;
    emit_licence(u, out);
    buf_printf(
        out, "\"\"\"%s %s for AutoDeploy.\n\n", e->gaps > 0 ? "INCOMPLETE: a part of" : "Prefill-only", e->prefix);
    const char *package = u->package.name, *path = short_path(u, u->module);
    if (package) {
        const char *version = version_of(u);
        size_t len = strlen("Source: , , translated by adgen.") + strlen(package) + strlen(version) + strlen(path);
        buf_printf(out, "Source: %s%s,%s%s, translated by adgen.\n\n", package, version,
            len <= LINE_LENGTH ? " " : "\n", path);
    } else {
        buf_printf(out, "Source: %s, translated by adgen.\n\n", path);
    }
    if (e->gaps > 0)
        emit_gaps(e, out);
    else
        emit_differences(e, code, out);
}
