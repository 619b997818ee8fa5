// product.cuh: one tile of a product of matrices in float32, C[m,n] = A[m,k]·B[k,n]. The
// operands come from sources: one for plain matrices is here, those for the patches and
// taps of a convolution are in conv.cuh.
//
// A block of 256 threads, 16×16, computes BM×BN values of C. It copies BK terms of the
// sum of both operands to shared memory while it multiplies those copied before. An
// operand lies in shared memory as in memory: with rows along the sum (ALONG_K), or with
// rows across it.
#pragma once
#include "hdm.cuh"

constexpr int BK = 16;
constexpr int PRODUCT_THREADS = 256;

// Panel is how one operand's part of a tile lies in shared memory, and who copies it.
// EXTENT are the rows of A or columns of B in the tile; one copy takes WIDTH elements that
// lie side by side in memory, so that WIDTH = 4 needs addresses and extents divisible by 4.
// Each line is followed by PAD floats that nobody reads.
template <int EXTENT_, int WIDTH_, bool ALONG_K_, int THREADS = PRODUCT_THREADS, int PAD = ALONG_K_ ? 4 : 0> struct Panel {
	static constexpr int EXTENT = EXTENT_, WIDTH = WIDTH_;
	static constexpr bool ALONG_K = ALONG_K_;
	// Rows along the sum are padded: the 16 columns that a warp reads at once then lie in
	// different banks.
	static constexpr int STRIDE = (ALONG_K ? BK : EXTENT) + PAD;
	static constexpr int FLOATS = (ALONG_K ? EXTENT : BK) * STRIDE;
	static constexpr int ACROSS = (ALONG_K ? BK : EXTENT) / WIDTH; // copies in a line
	static constexpr int STEP = THREADS / ACROSS;                  // lines copied at a time
	static constexpr int SLOTS = (ALONG_K ? EXTENT : BK) / STEP;   // copies of a thread
	static_assert(SLOTS >= 1, "every thread has something to copy");

	// A thread copies the elements from across() on in the lines line(0), …, line(SLOTS−1).
	__device__ static int across() { return (int)threadIdx.x % ACROSS * WIDTH; }
	__device__ static int line(int slot) { return (int)threadIdx.x / ACROSS + slot * STEP; }

	// Thread t of 16 multiplies EXTENT/16 rows; this is the i-th of them.
	__device__ static int row(int t, int i) { return ALONG_K ? t + i * 16 : i / 4 * 64 + t * 4 + i % 4; }
};

// fetch starts the copy of a source's next BK terms to shared memory. A source has a Panel
// as its base, at(slot, &valid), the address of what the thread copies into a slot, and
// advance(), which goes on by BK terms.
template <class S> __device__ __forceinline__ void fetch(float *panel, S &s)
{
	UNROLL
	for (int e = 0; e < S::SLOTS; e++) {
		bool valid;
		const float *from = s.at(e, valid);
		float *to = panel + S::line(e) * S::STRIDE + S::across();
		if (S::WIDTH == 4)
			cp_async16(to, from, valid);
		else
			cp_async4(to, from, valid);
	}
	s.advance();
}

// MatrixRows is an operand that lies as [rows, k]: A, or B transposed.
template <int EXTENT, int WIDTH, int THREADS = PRODUCT_THREADS> struct MatrixRows : Panel<EXTENT, WIDTH, true, THREADS> {
	using P = Panel<EXTENT, WIDTH, true, THREADS>;
	const float *begin[P::SLOTS]; // of its rows; null beyond the last row
	i64 k, k1;

	__device__ MatrixRows(const float *data, i64 ld, i64 row0, i64 rows, i64 k0, i64 k1_) : k(k0 + P::across()), k1(k1_)
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			i64 r = row0 + P::line(e);
			begin[e] = r < rows ? data + r * ld : nullptr;
		}
	}
	__device__ const float *at(int e, bool &valid) const
	{
		valid = begin[e] && k < k1;
		return begin[e] + k;
	}
	__device__ void advance() { k += BK; }
};

// MatrixColumns is an operand that lies as [k, columns]: B, or A transposed.
template <int EXTENT, int WIDTH, int THREADS = PRODUCT_THREADS, int PAD = 0> struct MatrixColumns : Panel<EXTENT, WIDTH, false, THREADS, PAD> {
	using P = Panel<EXTENT, WIDTH, false, THREADS, PAD>;
	const float *data;
	i64 ld, k, k1; // k: the line of slot 0, beyond k1 where there is no column

	__device__ MatrixColumns(const float *base, i64 ld_, i64 col0, i64 columns, i64 k0, i64 k1_) : ld(ld_), k(k0 + P::line(0)), k1(k1_)
	{
		i64 c = col0 + P::across();
		data = base + k * ld + c;
		if (c >= columns)
			k = k1;
	}
	__device__ const float *at(int e, bool &valid) const
	{
		valid = k + e * P::STEP < k1;
		return data + e * P::STEP * ld;
	}
	__device__ void advance()
	{
		k += BK;
		data += BK * ld;
	}
};

// load and store N neighbors at once, from an address aligned to them.
template <int N> __device__ __forceinline__ void load(float (&v)[N], const float *from)
{
	if constexpr (N == 4) {
		float4 q = *(const float4 *)from;
		v[0] = q.x, v[1] = q.y, v[2] = q.z, v[3] = q.w;
	} else if constexpr (N == 2) {
		float2 q = *(const float2 *)from;
		v[0] = q.x, v[1] = q.y;
	} else {
		v[0] = *from;
	}
}
template <int N> __device__ __forceinline__ void store(float *to, const float (&v)[N])
{
	if constexpr (N == 4)
		*(float4 *)to = float4{v[0], v[1], v[2], v[3]};
	else if constexpr (N == 2)
		*(float2 *)to = float2{v[0], v[1]};
	else
		*to = v[0];
}

// load_line loads N values of line k of a panel across the sum, for thread t of 16.
template <class S, int N> __device__ __forceinline__ void load_line(float (&v)[N], const float *panel, int k, int t)
{
	UNROLL
	for (int i = 0; i < N; i += 4) {
		float q[4];
		load(q, panel + k * S::STRIDE + S::row(t, i));
		UNROLL
		for (int p = 0; p < 4; p++)
			v[i + p] = q[p];
	}
}

// add_products adds BK terms to the thread's values of the tile, in order.
template <class A, class B, int TM, int TN> __device__ __forceinline__ void add_products(float (&acc)[TM][TN], const float *a, const float *b, int ty, int tx)
{
	static_assert(A::ALONG_K || !B::ALONG_K, "no operator needs it");
	// Terms at a time: with an operand across the sum, four would spill registers.
	constexpr int TERMS = B::ALONG_K ? 4 : 2;
	UNROLL_BY(1)
	for (int k = 0; k < BK; k += TERMS) {
		float av[TM][TERMS];
		if constexpr (A::ALONG_K)
			UNROLL
			for (int i = 0; i < TM; i++)
				load(av[i], a + A::row(ty, i) * A::STRIDE + k);
		if constexpr (B::ALONG_K) {
			UNROLL
			for (int j = 0; j < TN; j++) {
				float bv[TERMS];
				load(bv, b + B::row(tx, j) * B::STRIDE + k);
				UNROLL
				for (int p = 0; p < TERMS; p++)
					UNROLL
					for (int i = 0; i < TM; i++)
						acc[i][j] = fma_f32(av[i][p], bv[p], acc[i][j]);
			}
		} else {
			UNROLL
			for (int p = 0; p < TERMS; p++) {
				float line[TM], bv[TN];
				if constexpr (A::ALONG_K)
					UNROLL
					for (int i = 0; i < TM; i++)
						line[i] = av[i][p];
				else
					load_line<A>(line, a, k + p, ty);
				load_line<B>(bv, b, k + p, tx);
				UNROLL
				for (int i = 0; i < TM; i++)
					UNROLL
					for (int j = 0; j < TN; j++)
						acc[i][j] = fma_f32(line[i], bv[j], acc[i][j]);
			}
		}
	}
}

// multiply computes the thread's values of a tile from steps times BK terms: those of the
// rows A::row(ty, i) and columns B::row(tx, j) of the tile.
template <class A, class B, int TM, int TN> __device__ __forceinline__ void multiply(float (&acc)[TM][TN], A &a, B &b, i64 steps)
{
	static_assert(A::EXTENT == TM * 16 && B::EXTENT == TN * 16, "16×16 threads");
	SHARED(float4, stages, [2][(A::FLOATS + B::FLOATS) / 4]);
	int tx = (int)threadIdx.x % 16, ty = (int)threadIdx.x / 16;
	UNROLL
	for (int i = 0; i < TM; i++)
		UNROLL
		for (int j = 0; j < TN; j++)
			acc[i][j] = 0;
	if (steps > 0) {
		fetch((float *)stages[0], a);
		fetch((float *)stages[0] + A::FLOATS, b);
	}
	cp_async_commit();
	UNROLL_BY(1)
	for (i64 s = 0; s < steps; s++) {
		// After the barrier everybody's copies of this stage are there, and nobody reads
		// the other stage any more.
		cp_async_wait<0>();
		__syncthreads();
		if (s + 1 < steps) {
			float *next = (float *)stages[(s + 1) & 1];
			fetch(next, a);
			fetch(next + A::FLOATS, b);
		}
		cp_async_commit();
		const float *now = (const float *)stages[s & 1];
		add_products<A, B>(acc, now, now + A::FLOATS, ty, tx);
	}
}

// Output is where a product goes: c = value + bias[column] + add, then ReLU. Rows of c and
// of add lie ld apart; bias and add may be null, add may be c.
struct Output {
	float *c;
	const float *bias, *add;
	i64 n, ld;
	int relu;

	// biases are those of the N columns from q on, of which there are all or none.
	template <int N> __device__ __forceinline__ void biases(float (&v)[N], i64 q) const
	{
		UNROLL
		for (int p = 0; p < N; p++)
			v[p] = bias && q < n ? bias[q + p] : 0.0f;
	}
	// put writes N columns from q on of the row at offset row.
	template <int N> __device__ __forceinline__ void put(i64 row, i64 q, const float (&value)[N], const float (&b)[N]) const
	{
		if (q >= n)
			return;
		float v[N], old[N];
		UNROLL
		for (int p = 0; p < N; p++)
			v[p] = value[p] + b[p];
		if (add) {
			load(old, add + row + q);
			UNROLL
			for (int p = 0; p < N; p++)
				v[p] += old[p];
		}
		UNROLL
		for (int p = 0; p < N; p++)
			v[p] = relu && v[p] < 0.0f ? 0.0f : v[p]; // NaN stays
		store(c + row + q, v);
	}
};

// put_tile writes the thread's values of the tile at (row0, col0). offset(r, at) tells at
// which offset row r of C lies, false where there is no such row.
template <class A, class B, int TM, int TN, class F> __device__ __forceinline__ void put_tile(const float (&acc)[TM][TN], const Output &out, i64 row0, i64 col0, F offset)
{
	constexpr int N = !B::ALONG_K && B::WIDTH == 4 ? 4 : 1;
	int tx = (int)threadIdx.x % 16, ty = (int)threadIdx.x / 16;
	float bias[TN / N][N];
	UNROLL
	for (int j = 0; j < TN; j += N)
		out.biases(bias[j / N], col0 + B::row(tx, j));
	UNROLL
	for (int i = 0; i < TM; i++) {
		i64 at;
		if (!offset(row0 + A::row(ty, i), at))
			continue;
		UNROLL
		for (int j = 0; j < TN; j += N) {
			float v[N];
			UNROLL
			for (int p = 0; p < N; p++)
				v[p] = acc[i][j + p];
			out.put(at, col0 + B::row(tx, j), v, bias[j / N]);
		}
	}
}

// Tile is the block's part of a product of n columns: blockIdx.x counts the tiles row by
// row, so that blocks that run together read the same rows of A.
template <int BM, int BN> struct Tile {
	i64 row0, col0;
	__device__ Tile(i64 n) : Tile(n, blockIdx.x) {}
	__device__ Tile(i64 n, u32 block)
	{
		u32 columns = (u32)((n + BN - 1) / BN);
		row0 = (i64)(block / columns) * BM;
		col0 = (i64)(block % columns) * BN;
	}
};
