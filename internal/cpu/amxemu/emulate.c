//go:build linux && amd64 && cgo

// A processor without AMX refuses its instructions with SIGILL. The handler executes them as
// Intel's Software Developer's Manual describes them (volume 2, chapters 3 and 4) on tiles of
// the thread, and lets the thread go on behind them. What a processor would refuse, and a
// configuration of tiles that were not released, is kept as a fault, which tests ask for; the
// instruction then does nothing.

#define _GNU_SOURCE
#include "emulate.h"

#include <immintrin.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64 };

// The tiles of a thread. Signals come and go on the thread that executes, so that nothing
// else guards them.
static __thread struct {
    int configured;
    unsigned char config[64];
    unsigned char rows[TILES];
    unsigned short row_bytes[TILES];
    unsigned char data[TILES][ROWS][ROW_BYTES];
} tiles;

static struct sigaction before;
static atomic_int configured; // threads whose tiles are configured
static atomic_long executed;
static char fault[200];
static atomic_int faults;

static void refuse(const char *what, int tile) {
    if (atomic_fetch_add(&faults, 1) == 0)
        snprintf(fault, sizeof fault, "%s (tile %d)", what, tile);
}

// usable says whether a tile may be an operand.
static int usable(int tile) {
    if (!tiles.configured) {
        refuse("tiles are not configured on this thread", tile);
        return 0;
    }
    if (tiles.rows[tile] == 0) {
        refuse("the tile is not configured", tile);
        return 0;
    }
    return 1;
}

static void release(void) {
    if (tiles.configured)
        atomic_fetch_sub(&configured, 1);
    memset(&tiles, 0, sizeof tiles);
}

static void load_config(const unsigned char *m) {
    if (m[0] == 0) {
        release();
        return;
    }
    if (m[0] != 1) {
        refuse("ldtilecfg: only palette 1 is known", m[0]);
        return;
    }
    if (m[1] != 0)
        refuse("ldtilecfg: a start row other than 0", m[1]);
    for (int i = 2; i < 16; i++)
        if (m[i] != 0)
            refuse("ldtilecfg: a reserved byte is not 0", i);
    for (int i = 32; i < 48; i++)
        if (m[i] != 0)
            refuse("ldtilecfg: a reserved byte is not 0", i);
    for (int i = 56; i < 64; i++)
        if (m[i] != 0)
            refuse("ldtilecfg: a reserved byte is not 0", i);
    int was = tiles.configured;
    release();
    for (int t = 0; t < TILES; t++) {
        unsigned row_bytes = m[16 + 2 * t] | m[17 + 2 * t] << 8, rows = m[48 + t];
        if (row_bytes > ROW_BYTES || rows > ROWS || (row_bytes == 0) != (rows == 0)) {
            refuse("ldtilecfg: rows or bytes of a row are over the limits, or one of them is 0", t);
            return;
        }
        tiles.rows[t] = rows;
        tiles.row_bytes[t] = row_bytes;
    }
    memcpy(tiles.config, m, sizeof tiles.config);
    tiles.configured = 1;
    atomic_fetch_add(&configured, 1);
    if (was)
        refuse("ldtilecfg: tiles are configured already: no tilerelease was executed", 0);
}

static void load_tile(int t, const unsigned char *m, long stride) {
    if (!usable(t))
        return;
    memset(tiles.data[t], 0, sizeof tiles.data[t]);
    for (int r = 0; r < tiles.rows[t]; r++)
        memcpy(tiles.data[t][r], m + r * stride, tiles.row_bytes[t]);
}

static void store_tile(int t, unsigned char *m, long stride) {
    if (!usable(t))
        return;
    for (int r = 0; r < tiles.rows[t]; r++)
        memcpy(m + r * stride, tiles.data[t][r], tiles.row_bytes[t]);
}

// dot adds to sum the products of a's pairs and b's. Even and odd products have sums of their
// own, fused, that are added in the end; subnormal operands and results count as 0, whatever
// the program's MXCSR says.
__attribute__((target("avx512f,fma"))) static void dot(int sum, int a, int b) {
    if (!usable(sum) || !usable(a) || !usable(b))
        return;
    if (sum == a || sum == b || a == b) {
        refuse("tdpbf16ps: two operands are the same tile", sum);
        return;
    }
    if (tiles.row_bytes[a] % 4 || tiles.row_bytes[b] % 4 || tiles.row_bytes[sum] % 4 || tiles.row_bytes[a] / 4 != tiles.rows[b] ||
        tiles.row_bytes[sum] != tiles.row_bytes[b] || tiles.rows[sum] != tiles.rows[a]) {
        refuse("tdpbf16ps: the sizes of the operands do not fit", sum);
        return;
    }
    unsigned mxcsr = _mm_getcsr();
    _mm_setcsr(0x1f80 | 0x8000 | 0x0040); // flush results to 0, operands count as 0, round to nearest
    const __m512i high = _mm512_set1_epi32(0xffff0000);
    for (int m = 0; m < tiles.rows[a]; m++) {
        __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
        for (int k = 0; k < tiles.row_bytes[a] / 4; k++) {
            unsigned pair;
            memcpy(&pair, &tiles.data[a][m][4 * k], 4);
            __m512i x = _mm512_set1_epi32(pair), y = _mm512_loadu_si512(tiles.data[b][k]);
            even = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(x, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(y, 16)), even);
            odd = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(x, high)), _mm512_castsi512_ps(_mm512_and_si512(y, high)), odd);
        }
        unsigned char *row = tiles.data[sum][m];
        __m512 s = _mm512_add_ps(_mm512_loadu_ps((const float *)row), _mm512_add_ps(even, odd));
        unsigned char whole[ROW_BYTES];
        _mm512_storeu_ps((float *)whole, s);
        memset(row, 0, ROW_BYTES);
        memcpy(row, whole, tiles.row_bytes[sum]);
    }
    memset(tiles.data[sum][tiles.rows[a]], 0, (ROWS - tiles.rows[a]) * ROW_BYTES);
    _mm_setcsr(mxcsr);
}

static const int registers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

// operand is what ModRM and what follows it say.
struct operand {
    int reg, rm;    // the digit or register, and the register where there is no memory
    int memory;     // there is
    int sib;        // with an index
    long address;   // base + displacement
    long stride;    // the index, scaled
    const unsigned char *end;
};

static struct operand decode(const unsigned char *p, unsigned char extend, const greg_t *g) {
    int mod = p[0] >> 6, rm = p[0] & 7;
    // The bits of the prefix are inverted.
    int r = extend & 0x80 ? 0 : 8, x = extend & 0x40 ? 0 : 8, b = extend & 0x20 ? 0 : 8;
    struct operand o = {.reg = (p[0] >> 3 & 7) | r, .rm = rm | b, .memory = mod != 3};
    p++;
    if (o.memory) {
        int base = rm;
        if (rm == 4) {
            o.sib = 1;
            int scale = *p >> 6, index = (*p >> 3 & 7) | x;
            base = *p++ & 7;
            o.stride = index == 4 ? 0 : g[registers[index]] << scale;
        }
        if (mod == 0 && base == 5) {
            int disp;
            memcpy(&disp, p, 4);
            p += 4;
            o.address = disp + (rm == 5 ? (long)p : 0);
        } else {
            o.address = g[registers[base | b]];
        }
        if (mod == 1) {
            o.address += (signed char)*p++;
        } else if (mod == 2) {
            int disp;
            memcpy(&disp, p, 4);
            p += 4;
            o.address += disp;
        }
    }
    o.end = p;
    return o;
}

// execute runs the tile instruction at code and returns its end, or NULL for another one.
static const unsigned char *execute(const unsigned char *code, const greg_t *g) {
    // VEX of three bytes, map 0F38, W = 0, 128 bits.
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84) != 0)
        return NULL;
    int prefix = code[2] & 3, v = ~(code[2] >> 3) & 15;
    enum { NONE, P66, PF3, PF2 };
    struct operand o = decode(code + 4, code[1], g);
    switch (code[3]) {
    case 0x49:
        if (v != 0)
            return NULL;
        if (prefix == NONE && o.memory && o.reg == 0) {
            load_config((const unsigned char *)o.address + o.stride);
        } else if (prefix == P66 && o.memory && o.reg == 0) {
            memcpy((void *)(o.address + o.stride), tiles.config, sizeof tiles.config);
        } else if (prefix == NONE && !o.memory && o.reg == 0 && o.rm == 0) {
            release();
        } else if (prefix == PF2 && !o.memory && o.rm == 0 && o.reg < TILES) {
            if (usable(o.reg))
                memset(tiles.data[o.reg], 0, sizeof tiles.data[o.reg]);
        } else {
            return NULL;
        }
        break;
    case 0x4b:
        if (v != 0 || !o.sib || o.reg >= TILES)
            return NULL;
        if (prefix == PF2 || prefix == P66) // with or without a hint to the caches
            load_tile(o.reg, (const unsigned char *)o.address, o.stride);
        else if (prefix == PF3)
            store_tile(o.reg, (unsigned char *)o.address, o.stride);
        else
            return NULL;
        break;
    case 0x5c:
        if (prefix != PF3 || o.memory || o.reg >= TILES || o.rm >= TILES || v >= TILES)
            return NULL;
        dot(o.reg, o.rm, v);
        break;
    default:
        return NULL;
    }
    atomic_fetch_add(&executed, 1);
    return o.end;
}

static void handle(int signal, siginfo_t *info, void *context) {
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *next = execute((const unsigned char *)g[REG_RIP], g);
    if (next != NULL) {
        while (next != NULL) { // tile instructions come in rows: a signal costs more than one
            g[REG_RIP] = (greg_t)next;
            next = execute(next, g);
        }
    } else if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(signal, info, context);
    } else {
        sigaction(SIGILL, &before, NULL); // the instruction comes again, and its signal
    }
}

int amxemu_install(void) {
    struct sigaction act = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigfillset(&act.sa_mask);
    return sigaction(SIGILL, &act, &before);
}

int amxemu_configured(void) { return atomic_load(&configured); }
long amxemu_executed(void) { return atomic_load(&executed); }
const char *amxemu_fault(void) { return atomic_load(&faults) ? fault : NULL; }
void amxemu_clear_fault(void) { atomic_store(&faults, 0); }

// amxemu_product is c += a·b. Tile 0 is c, tiles 1 and 2 are a and b. The bytes are those that
// GNU as makes of the texts beside them; older assemblers do not know the instructions.
void amxemu_product(const void *config, const void *a, size_t a_stride, const void *b, size_t b_stride, void *c, size_t c_stride) {
    register size_t half __asm__("r8") = b_stride / 2;
    register void *sum __asm__("r9") = c;
    __asm__ volatile(".byte 0xc4,0xe2,0x78,0x49,0x07\n\t"           // ldtilecfg (%rdi)
                     ".byte 0xc4,0xe2,0x7b,0x49,0xc0\n\t"           // tilezero %tmm0
                     ".byte 0xc4,0xc2,0x79,0x4b,0x04,0x01\n\t"      // tileloaddt1 (%r9,%rax,1),%tmm0
                     ".byte 0xc4,0xe2,0x7b,0x4b,0x4c,0x16,0x08\n\t" // tileloadd 0x8(%rsi,%rdx,1),%tmm1
                     ".byte 0xc4,0xa2,0x7b,0x4b,0x14,0x41\n\t"      // tileloadd (%rcx,%r8,2),%tmm2
                     ".byte 0xc4,0xe2,0x6a,0x5c,0xc1\n\t"           // tdpbf16ps %tmm2,%tmm1,%tmm0
                     ".byte 0xc4,0xc2,0x7a,0x4b,0x04,0x01\n\t"      // tilestored %tmm0,(%r9,%rax,1)
                     ".byte 0xc4,0xe2,0x78,0x49,0xc0\n\t"           // tilerelease
                     :
                     : "D"(config), "S"((const char *)a - 8), "d"(a_stride), "c"(b), "r"(half), "r"(sum), "a"(c_stride)
                     : "memory");
}

// amxemu_execute runs instructions one after the other, as if they were a thread's: with config
// in rdi, memory in rsi and stride in rax.
void amxemu_execute(const void *config, const unsigned char *code, size_t length, const void *memory, size_t stride) {
    greg_t g[NGREG] = {0};
    g[REG_RDI] = (greg_t)config;
    g[REG_RSI] = (greg_t)memory;
    g[REG_RAX] = (greg_t)stride;
    for (const unsigned char *at = code; at != NULL && at < code + length;)
        at = execute(at, g);
}
