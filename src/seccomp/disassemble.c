/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seccomp/seccomp.h"
#include "seccomp/tables.h"
#include "util/str.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INSTRUCTIONS = 4096 };

/* What is in the accumulator before an instruction, and for which ABI the program is there: both
 * by following the jumps, which only ever lead forward. */
enum held { HELD_NOTHING, HELD_ARCH, HELD_NUMBER, HELD_ARGUMENT };
struct state {
    uint32_t arch; /* 0: not known */
    uint8_t held;
};

static const char *number_name(uint32_t arch, uint32_t number)
{
    for (size_t i = 0; i < seccomp_number_count; i++) {
        const struct seccomp_number *c = &seccomp_numbers[i];
        if (c->arch == arch && (uint32_t)c->number == number)
            return c->name;
    }
    return NULL;
}

static const char *arch_name(uint32_t arch)
{
    static const struct {
        uint32_t arch;
        const char *name;
    } names[] = {{AUDIT_ARCH_X86_64, "x86_64"},
                 {AUDIT_ARCH_I386, "i386"},
                 {AUDIT_ARCH_AARCH64, "aarch64"},
                 {AUDIT_ARCH_ARM, "arm"}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].arch == arch)
            return names[i].name;
    }
    return NULL;
}

static void write_load(uint32_t offset, struct buf *out)
{
    if (offset == offsetof(struct seccomp_data, nr))
        buf_str(out, "ld nr");
    else if (offset == offsetof(struct seccomp_data, arch))
        buf_str(out, "ld arch");
    else if (offset >= offsetof(struct seccomp_data, args))
        buf_printf(out, "ld arg%zu.%s", (offset - offsetof(struct seccomp_data, args)) / 8,
                   offset % 8 ? "high" : "low");
    else
        buf_printf(out, "ld [%u]", offset);
}

static void write_return(uint32_t k, struct buf *out)
{
    const char *error = seccomp_errno_name((int)(k & SECCOMP_RET_DATA));
    switch (k & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
        buf_str(out, "ret allow");
        break;
    case SECCOMP_RET_KILL_PROCESS:
        buf_str(out, "ret kill");
        break;
    case SECCOMP_RET_ERRNO:
        buf_printf(out, "ret %s", error ? error : "errno");
        break;
    default:
        buf_printf(out, "ret %#x", k);
        break;
    }
}

static const char *jump_name(uint16_t code)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return "jeq";
    case BPF_JGT:
        return "jgt";
    case BPF_JGE:
        return "jge";
    case BPF_JSET:
        return "jset";
    default:
        return "j?";
    }
}

static void write_instruction(size_t at, const struct sock_filter *f, const struct state *s,
                              struct buf *out)
{
    const char *name = NULL;
    buf_printf(out, "%4zu  ", at);
    if (f->code == (BPF_LD | BPF_W | BPF_ABS)) {
        write_load(f->k, out);
    } else if (BPF_CLASS(f->code) == BPF_RET) {
        write_return(f->k, out);
    } else if (f->code == (BPF_ALU | BPF_AND | BPF_K)) {
        buf_printf(out, "and %#x", f->k);
    } else if (f->code == (BPF_JMP | BPF_JA)) {
        buf_printf(out, "ja %zu", at + 1 + f->k);
    } else if (BPF_CLASS(f->code) == BPF_JMP) {
        buf_printf(out, "%s %#x, %zu, %zu", jump_name(f->code), f->k, at + 1 + f->jt,
                   at + 1 + f->jf);
        if (s->held == HELD_NUMBER)
            name = number_name(s->arch, f->k);
        else if (s->held == HELD_ARCH)
            name = arch_name(f->k);
    } else {
        buf_printf(out, "%#x %#x", f->code, f->k);
    }
    if (name)
        buf_printf(out, "   ; %s", name);
    buf_char(out, '\n');
}

/* Carries the state over to an instruction that may come next. */
static void flow(struct state *to, bool *seen, struct state s)
{
    if (!*seen)
        *to = s;
    if (to->held != s.held)
        to->held = HELD_NOTHING;
    if (to->arch != s.arch)
        to->arch = 0;
    *seen = true;
}

static struct state after(const struct sock_filter *f, struct state s)
{
    if (BPF_CLASS(f->code) == BPF_LD)
        s.held = f->k == offsetof(struct seccomp_data, nr)     ? HELD_NUMBER
                 : f->k == offsetof(struct seccomp_data, arch) ? HELD_ARCH
                                                               : HELD_ARGUMENT;
    return s;
}

void seccomp_disassemble(const struct seccomp_filter *filter, struct buf *out)
{
    struct state state[MAX_INSTRUCTIONS] = {0};
    bool seen[MAX_INSTRUCTIONS] = {true};
    size_t n = filter->size / sizeof(struct sock_filter);

    buf_printf(out, "filter %s: %zu instructions; jumps: test value, then, else\n", filter->name,
               n);
    for (size_t i = 0; i < n && i < MAX_INSTRUCTIONS; i++) {
        struct sock_filter f;
        memcpy(&f, filter->program + i * sizeof f, sizeof f);
        struct state s = after(&f, state[i]), met = s;
        write_instruction(i, &f, &state[i], out);
        if (BPF_CLASS(f.code) == BPF_RET)
            continue;
        size_t then = i + 1 + f.jt, otherwise = i + 1 + f.jf;
        if (f.code == (BPF_JMP | BPF_JA))
            then = otherwise = i + 1 + f.k;
        else if (BPF_CLASS(f.code) != BPF_JMP)
            then = otherwise = i + 1;
        else if (s.held == HELD_ARCH && BPF_OP(f.code) == BPF_JEQ)
            met.arch = f.k;
        if (then < MAX_INSTRUCTIONS)
            flow(&state[then], &seen[then], met);
        if (otherwise < MAX_INSTRUCTIONS)
            flow(&state[otherwise], &seen[otherwise], s);
    }
}
