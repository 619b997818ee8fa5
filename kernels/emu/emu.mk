# The emulated CUDA driver: build/emu/libcuda.so.1 (fast) and libcuda-check.so.1 (every
# access of a kernel checked). Included by the Makefile.
EMU := build/emu
EMU_RUNTIME := $(wildcard kernels/emu/*.cpp)
EMU_KERNELS := $(sort $(basename $(notdir $(wildcard kernels/ptx/*.ptx kernels/ptx/sm_90a/*.ptx))))
# An object depends on the headers that it includes, as the compiler found them (-MMD).
EMU_FLAGS := -std=c++20 -MMD -MP -O3 -march=native -fPIC -fvisibility=hidden -DHDM_EMU -Iinternal/cuda/include \
	-ffp-contract=fast -fno-math-errno -fno-trapping-math -Wall -Wextra -Wno-unused-parameter -Wno-deprecated-copy
# g++ calls __asan_load4_noabort and its kin at each access; kernels/emu/check.cpp answers.
# Arrays in registers are not checked once loops are unrolled (-O3); vectors that the kernel does
# not have would be checked for an alignment that it does not need.
EMU_CHECK := -DHDM_CHECK -g -O3 -fno-tree-vectorize -fno-store-merging -fsanitize=kernel-address \
	--param asan-instrumentation-with-call-threshold=0 --param asan-stack=0 --param asan-globals=0

.PHONY: emu
emu: $(EMU)/libcuda.so.1 $(EMU)/libcuda-check.so.1

# A kernel is compiled with the entries that its PTX has, which may be for sm_90a alone.
define emu_kernel
@mkdir -p $(@D)
@{ echo '#include "../../../kernels/$*.cu"'; echo '#include "../../../kernels/emu/register.h"'; \
	sed -nE 's/^\.visible \.entry ([A-Za-z0-9_]+)\(.*/HDM_REGISTER(\1);/p' $<; } > $@
endef
$(EMU)/kernel/%.cpp: kernels/ptx/%.ptx
	$(emu_kernel)
$(EMU)/kernel/%.cpp: kernels/ptx/sm_90a/%.ptx
	$(emu_kernel)

$(EMU)/fast/%.o: kernels/emu/%.cpp
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) -c -o $@ $<

$(EMU)/fast/kernel/%.o: $(EMU)/kernel/%.cpp kernels/%.cu
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) -c -o $@ $<

$(EMU)/check/%.o: kernels/emu/%.cpp
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) -DHDM_CHECK -O2 -c -o $@ $<

$(EMU)/check/kernel/%.o: $(EMU)/kernel/%.cpp kernels/%.cu
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) $(EMU_CHECK) -c -o $@ $<

emu_objects = $(EMU_RUNTIME:kernels/emu/%.cpp=$(EMU)/$(1)/%.o) $(EMU_KERNELS:%=$(EMU)/$(1)/kernel/%.o)

$(EMU)/libcuda.so.1: $(call emu_objects,fast)
	@echo "$(CXX) $@"; $(CXX) -shared -o $@ $^ -pthread -ldl
$(EMU)/libcuda-check.so.1: $(call emu_objects,check)
	@echo "$(CXX) $@"; $(CXX) -shared -o $@ $^ -pthread -ldl
# The interpreter: the runtime of the checked build, with kernels/emu/ptx in the place of
# what runs kernels as C++. Floats are added as the PTX says, so nothing is contracted.
EMU_PTX := $(EMU)/ptx/libcuda.so.1
EMU_FIBRES := fibre warp warpgroup context module
EMU_INTERPRETER := $(patsubst kernels/emu/ptx/%.cpp,$(EMU)/ptx/%.o,$(wildcard kernels/emu/ptx/*.cpp))
$(EMU)/ptx/%.o: kernels/emu/ptx/%.cpp
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) -DHDM_CHECK -ffp-contract=off -Wno-restrict -c -o $@ $<
$(EMU_PTX): $(filter-out $(EMU_FIBRES:%=$(EMU)/check/%.o),$(EMU_RUNTIME:kernels/emu/%.cpp=$(EMU)/check/%.o)) $(EMU_INTERPRETER)
	@echo "$(CXX) $@"; $(CXX) -shared -o $@ $^ -pthread -ldl
emu: $(EMU_PTX)

# The self-test's libraries hold its own kernels beside the others.
EMU_SELFTEST_SOURCES := $(addprefix kernels/emu/selftest/,register.cpp faults.cu races.cu)
EMU_SELFTEST := $(EMU)/selftest/libcuda.so.1 $(EMU)/selftest/libcuda-check.so.1
$(EMU)/selftest/fast.o: $(EMU_SELFTEST_SOURCES)
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) -c -o $@ $<
$(EMU)/selftest/check.o: $(EMU_SELFTEST_SOURCES)
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(EMU_FLAGS) $(EMU_CHECK) -c -o $@ $<
$(EMU)/selftest/libcuda.so.1: $(call emu_objects,fast) $(EMU)/selftest/fast.o
	@echo "$(CXX) $@"; $(CXX) -shared -o $@ $^ -pthread -ldl
$(EMU)/selftest/libcuda-check.so.1: $(call emu_objects,check) $(EMU)/selftest/check.o
	@echo "$(CXX) $@"; $(CXX) -shared -o $@ $^ -pthread -ldl
.SECONDARY:
-include $(wildcard $(EMU)/fast/*.d $(EMU)/fast/kernel/*.d $(EMU)/check/*.d $(EMU)/check/kernel/*.d $(EMU)/selftest/*.d $(EMU)/ptx/*.d)

# Emulated cuBLASLt, cuDNN and NCCL for HDMNET_CUDA_LIBRARIES; kernels/emu/library.
EMU_LIBRARY := $(EMU)/library
EMU_LIBRARIES := $(EMU_LIBRARY)/libcublasLt.so.13 $(EMU_LIBRARY)/libcudnn.so.9 $(EMU_LIBRARY)/libnccl.so.2
emu: $(EMU_LIBRARIES)
EMU_LIBRARY_SOURCES := $(wildcard kernels/emu/library/library.*) internal/cuda/library.h internal/cuda/include/cuda.h
$(EMU_LIBRARY)/libcublasLt.so.13: kernels/emu/library/cublaslt.cpp $(EMU_LIBRARY_SOURCES)
$(EMU_LIBRARY)/libcudnn.so.9: kernels/emu/library/cudnn.cpp $(EMU_LIBRARY_SOURCES)
$(EMU_LIBRARY)/libnccl.so.2: kernels/emu/library/nccl.cpp internal/cuda/library_nccl.h $(EMU_LIBRARY_SOURCES)
$(EMU_LIBRARIES):
	@mkdir -p $(@D)
	@echo "$(CXX) $@"; $(CXX) $(filter-out -DHDM_EMU,$(EMU_FLAGS)) -Wno-cast-function-type -shared -o $@ $(filter %.cpp,$^) -ldl -lrt
