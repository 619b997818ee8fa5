// place.h: where an access of a lane goes, once it has been checked.
#pragma once
#include <cstring>

#include "program.h"

namespace hdm::ptx {

enum Space : u8 { generic, global, shared, local, parameters };

// misplaced refuses an access that no check of the shadow would find; it does not return.
[[noreturn]] void misplaced(const Warp &w, int lane, u64 address, int bytes, Access how, Space space);
// local_place is an access outside of device and shared memory: of the thread's own stack.
char *local_place(const Warp &w, int lane, u64 address, int bytes, Access how, Space space);

inline bool all_defined(u64 address, int bytes)
{
	const u8 *s = shadow + (address - hdm::space);
	if (bytes >= 4) {
		u32 defined_words = 0x02020202u, all = defined_words;
		for (int k = 0; k < bytes; k += 4) {
			u32 v;
			memcpy(&v, s + k, 4);
			all &= v;
		}
		return all == defined_words;
	}
	return s[0] == defined && s[bytes - 1] == defined;
}

// place checks an access of a lane and returns its place in memory. Addresses of the space
// `shared` count from the start of the block's.
template <Space space> inline char *place(const Warp &w, int lane, u64 address, int bytes, Access how)
{
	if constexpr (space == shared) {
		if (address >= shared_stride / 2)
			misplaced(w, lane, address, bytes, how, space);
		address += (u64)worker->shared_base;
	}
	if (address & (u64)(bytes - 1))
		misplaced(w, lane, address, bytes, how, space);
	if (space == local || address - hdm::space >= space_bytes)
		return local_place(w, lane, address, bytes, how, space);
	if (space == global && race_shared(address))
		misplaced(w, lane, address, bytes, how, space);
	if (how <= writing && all_defined(address, bytes)) {
		if (!cells)
			return (char *)address;
		here(w, lane);
		race_access(address, (size_t)bytes, how == writing, nullptr);
		return (char *)address;
	}
	here(w, lane);
	check_access(address, (size_t)bytes, how, nullptr);
	return (char *)address;
}

} // namespace hdm::ptx
