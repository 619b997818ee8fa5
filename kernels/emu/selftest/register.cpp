// The self-test's kernels in the emulator.
#include "faults.cu"
#include "races.cu"

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
HDM_REGISTER(race_shared);
HDM_REGISTER(race_rewrite);
HDM_REGISTER(race_lanes);
HDM_REGISTER(race_shuffle);
HDM_REGISTER(race_halves);
HDM_REGISTER(race_reset);
HDM_REGISTER(race_parts);
HDM_REGISTER(race_byte);
HDM_REGISTER(race_copy);
HDM_REGISTER(race_copy_unwaited);
HDM_REGISTER(race_copy_early);
HDM_REGISTER(race_matrix);
HDM_REGISTER(race_memory);
HDM_REGISTER(race_blocks);
HDM_REGISTER(race_neighbor);
HDM_REGISTER(race_readers);
HDM_REGISTER(race_atomic);
