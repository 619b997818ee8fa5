// The tile instructions of AMX-BF16, executed where the processor refuses them.
#include <stddef.h>

int amxemu_install(void);
int amxemu_configured(void);
long amxemu_executed(void);
const char *amxemu_fault(void);
void amxemu_clear_fault(void);
void amxemu_product(const void *config, const void *a, size_t a_stride, const void *b, size_t b_stride, void *c, size_t c_stride);
void amxemu_execute(const void *config, const unsigned char *code, size_t length, const void *memory, size_t stride);
