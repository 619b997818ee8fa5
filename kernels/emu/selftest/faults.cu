// faults.cu: kernels with one mistake each, and kernels that show what hdm.cuh computes.
// Only the emulator's self-test builds them (internal/cuda/emulator_test.go).
#include "../../hdm.cuh"

extern "C" __global__ void divergent_barrier(float *out)
{
	if (threadIdx.x < 32)
		__syncthreads();
	else
		__syncthreads(); // another barrier
	out[threadIdx.x] = 1;
}

extern "C" __global__ void early_return(float *out)
{
	if (threadIdx.x >= 40)
		return;
	__syncthreads();
	out[threadIdx.x] = 1;
}

extern "C" __global__ void write_past(float *out, int n)
{
	if (threadIdx.x == 7)
		out[n] = 1;
}

extern "C" __global__ void read_undefined(float *out, const float *in)
{
	out[threadIdx.x] = in[threadIdx.x] + 1;
}

extern "C" __global__ void read_shared_undefined(float *out)
{
	SHARED(float, s, [64]);
	if (threadIdx.x != 5)
		s[threadIdx.x] = 1;
	__syncthreads();
	out[threadIdx.x] = s[63 - threadIdx.x];
}

extern "C" __global__ void shared_past(float *out)
{
	SHARED(float, s, [64]);
	s[threadIdx.x + 1] = 1;
	__syncthreads();
	out[threadIdx.x] = s[threadIdx.x];
}

extern "C" __global__ void misaligned(float *out)
{
	*(float4 *)(out + 1) = float4{1, 2, 3, 4};
}

extern "C" __global__ void half_warp_shuffle(float *out)
{
	if (threadIdx.x < 16)
		out[threadIdx.x] = __shfl_xor_sync(FULL_WARP, 1.0f, 1);
}

extern "C" __global__ void missing_wait(float *out, const float *in)
{
	SHARED(float, s, [64]);
	s[threadIdx.x] = 7;
	cp_async4(&s[threadIdx.x], in + threadIdx.x);
	cp_async_commit();
	__syncthreads();
	out[threadIdx.x] = s[threadIdx.x];
	cp_async_wait<0>();
	__syncthreads();
	out[64 + threadIdx.x] = s[threadIdx.x];
}

// race writes what the order of the threads decides.
extern "C" __global__ void race(float *out)
{
	SHARED(float, s);
	s = 0;
	__syncthreads();
	s = (float)threadIdx.x;
	__syncthreads();
	out[threadIdx.x] = s;
}

// functions holds the mathematics of hdm.cuh, out [6,n].
extern "C" __global__ void functions(float *out, const float *x, i64 n)
{
	FOR_GRID(i, n) {
		out[i] = exp_f32(x[i]);
		out[n + i] = log_f32(x[i]);
		out[2 * n + i] = erf_f32(x[i]);
		out[3 * n + i] = rsqrt_f32(x[i]);
		out[4 * n + i] = from_bf16(to_bf16(x[i]));
		out[5 * n + i] = as_float(to_tf32(x[i]));
	}
}

// shuffles writes for every lane: idx 3, xor 5, down 2, up 2, the ballot of odd lanes, the
// sum over the warp, the sum and the largest over the block of 96.
extern "C" __global__ void shuffles(float *out)
{
	float v = (float)threadIdx.x;
	out[threadIdx.x] = __shfl_sync(FULL_WARP, v, 3);
	out[96 + threadIdx.x] = __shfl_xor_sync(FULL_WARP, v, 5);
	out[192 + threadIdx.x] = __shfl_down_sync(FULL_WARP, v, 2);
	out[288 + threadIdx.x] = __shfl_up_sync(FULL_WARP, v, 2);
	out[384 + threadIdx.x] = (float)(__ballot_sync(FULL_WARP, threadIdx.x & 1) >> 16);
	out[480 + threadIdx.x] = warp_sum(v);
	out[576 + threadIdx.x] = block_sum<96>(v);
	out[672 + threadIdx.x] = block_max<96>(v);
}

// products multiplies with tensor cores: d16 [16,8] = a[16,16]·b[16,8] in bf16, through
// ldmatrix; d8 [16,8] = a[:, :8]·b[:8] in tf32.
extern "C" __global__ void products(float *d16, float *d8, const float *a, const float *b)
{
	SHARED(u16, sa, [16][16]);
	SHARED(u16, sb, [16][8]);
	int l = lane(), g = l / 4, t = l % 4;
	for (int i = l; i < 256; i += 32)
		sa[i / 16][i % 16] = to_bf16(a[i]).bits;
	for (int i = l; i < 128; i += 32)
		sb[i / 8][i % 8] = to_bf16(b[i]).bits;
	__syncthreads();
	u32 fa[4], fb[4];
	ldmatrix_x4(fa, &sa[l % 16][l / 16 * 8]);
	ldmatrix_x4_trans(fb, &sb[l % 16][0]);
	u32 fb2[2] = {fb[0], fb[1]};
	float acc[4] = {0, 0, 0, 0};
	mma_bf16(acc, fa, fb2);
	for (int i = 0; i < 4; i++)
		d16[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = acc[i];
	u32 ta[4] = {to_tf32(a[g * 16 + t]), to_tf32(a[(g + 8) * 16 + t]), to_tf32(a[g * 16 + t + 4]), to_tf32(a[(g + 8) * 16 + t + 4])};
	u32 tb[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
	float acc8[4] = {0, 0, 0, 0};
	mma_tf32(acc8, ta, tb);
	for (int i = 0; i < 4; i++)
		d8[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = acc8[i];
}

// switches is for the benchmark of the scheduler: rounds barriers.
extern "C" __global__ void switches(float *out, int rounds)
{
	for (int i = 0; i < rounds; i++)
		__syncthreads();
	out[blockIdx.x * blockDim.x + threadIdx.x] = 1;
}
