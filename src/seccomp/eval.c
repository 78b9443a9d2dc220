/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seccomp/eval.h"
#include <string.h>

static bool load(const struct seccomp_data *data, uint32_t offset, uint32_t *a)
{
    if (offset % 4 || offset > sizeof *data - 4)
        return false;
    memcpy(a, (const char *)data + offset, 4);
    return true;
}

static bool compare(uint16_t code, uint32_t a, uint32_t k, bool *known)
{
    *known = true;
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == k;
    case BPF_JGT:
        return a > k;
    case BPF_JGE:
        return a >= k;
    case BPF_JSET:
        return a & k;
    default:
        *known = false;
        return false;
    }
}

struct eval_result eval_filter(const struct sock_filter *prog, size_t n,
                               const struct seccomp_data *data, bool *covered)
{
    struct eval_result r = {0};
    uint32_t a = 0;
    for (size_t pc = 0; pc < n; pc++) {
        const struct sock_filter *f = &prog[pc];
        bool known = true;
        if (covered)
            covered[pc] = true;
        r.steps++;
        if (f->code == (BPF_RET | BPF_K)) {
            r.action = f->k;
            return r;
        } else if (f->code == (BPF_LD | BPF_W | BPF_ABS)) {
            known = load(data, f->k, &a);
            r.reads_args |= f->k >= offsetof(struct seccomp_data, instruction_pointer);
        } else if (f->code == (BPF_ALU | BPF_AND | BPF_K)) {
            a &= f->k;
        } else if (f->code == (BPF_JMP | BPF_JA)) {
            pc += f->k;
        } else if (BPF_CLASS(f->code) == BPF_JMP && BPF_SRC(f->code) == BPF_K) {
            pc += compare(f->code, a, f->k, &known) ? f->jt : f->jf;
        } else {
            known = false;
        }
        if (!known) {
            r.error = "an instruction that seccomp does not have";
            return r;
        }
    }
    r.error = "the end is reached without a return";
    return r;
}
