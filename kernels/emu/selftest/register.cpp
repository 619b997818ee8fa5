// The self-test's kernels in the emulator.
#include "faults.cu"

#include "../register.h"

HDM_REGISTER(divergent_barrier);
HDM_REGISTER(early_return);
HDM_REGISTER(write_past);
HDM_REGISTER(read_undefined);
HDM_REGISTER(read_shared_undefined);
HDM_REGISTER(shared_past);
HDM_REGISTER(misaligned);
HDM_REGISTER(half_warp_shuffle);
HDM_REGISTER(missing_wait);
HDM_REGISTER(race);
HDM_REGISTER(functions);
HDM_REGISTER(shuffles);
HDM_REGISTER(products);
HDM_REGISTER(switches);
