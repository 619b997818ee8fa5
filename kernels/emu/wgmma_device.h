// wgmma_device.h: the names of hdm_wgmma.cuh for the emulator.
#pragma once

namespace hdm {

void warpgroup_fence(Where where);
void warpgroup_product(float *d, int n, u64 a, u64 b, Where where);
void warpgroup_commit(Where where);
void warpgroup_wait(int groups, Where where);
void proxy_fence();
u32 shared_offset(const void *p);

} // namespace hdm

inline void fence_proxy_async() { hdm::proxy_fence(); }
inline u32 shared_address(const void *p) { return hdm::shared_offset(p); }

template <int TILES> inline void wgmma_fence(float (&d)[TILES][4], HDM_WHERE) { hdm::warpgroup_fence({file, line}); }
template <int TILES> inline void wgmma_f16(float (&d)[TILES][4], u64 matrix_a, u64 matrix_b, HDM_WHERE)
{
	hdm::warpgroup_product(&d[0][0], TILES * 8, matrix_a, matrix_b, {file, line});
}
inline void wgmma_commit(HDM_WHERE) { hdm::warpgroup_commit({file, line}); }
template <int BEHIND, int TILES> inline void wgmma_wait(float (&d)[TILES][4], HDM_WHERE) { hdm::warpgroup_wait(BEHIND, {file, line}); }
