// program.h: a kernel as the interpreter runs it, and the warps that run it.
//
// A register of a warp is 32 lanes side by side: u32[32] for up to 32 bits, u64[32] for 64,
// Predicate for .pred. An operand is where in the register file that array begins, so that
// an instruction is a loop over lanes with nothing left to look up.
#pragma once
#include "text.h"

#include "../race.h"

namespace hdm::ptx {

constexpr u32 all_lanes = 0xffffffffu;

struct Predicate {
	u32 value, defined; // a bit for each lane
};

// Operand is an offset in bytes: in the warp's registers, or with the top bit in the
// program's constants.
typedef u32 Operand;
constexpr Operand constant_bank = 0x80000000u;
constexpr Operand no_operand = 0xffffffffu;

struct Warp;
struct Ins;
typedef void (*Run)(Warp &, const Ins &);

enum class Kind : u8 {
	plain,   // run for the lanes whose guard holds
	branch,
	leave,   // ret of the kernel, exit
	back,    // ret of a function
	call,
	barrier, // of the block
	meeting, // run when all lanes that a mask names have come
};

struct Ins {
	Run run = nullptr;
	Kind kind = Kind::plain;
	bool negated = false;
	bool negated_source = false;
	bool whole = false;           // a meeting of 32 lanes, no less
	bool accumulates = false;     // its first `count` registers are of a product that runs beside it
	Operand guard = no_operand;
	Operand mask = no_operand;    // of a meeting: u32
	Operand d[4] = {no_operand, no_operand, no_operand, no_operand};
	Operand s[10] = {};
	i64 offset = 0;               // of an address
	int bytes = 0, count = 0;     // of an access, of what an instruction has several of
	int target = -1;              // of a branch or call, in Program::code
	int first_register = 0, registers = 0; // that the statement names, in Program::registers
	const Statement *from = nullptr;
};

// Special is a register that holds its value from the start of a block on.
struct Special {
	enum What : u8 { tid, ctaid, ntid, nctaid, lane, warp, shared, local } what;
	int axis;           // 0…2
	const Array *array; // of shared
	std::string name;   // its
	Operand at;
};

struct Program {
	std::shared_ptr<ModuleText> text;
	std::string name;
	std::vector<Ins> code; // called functions first: of diverged lanes those furthest back run
	int start = 0;
	size_t register_bytes = 0, local_bytes = 0;
	std::vector<char> constants;
	std::vector<Special> specials;
	std::vector<Operand> predicates;
	std::vector<Operand> registers;
	std::vector<Parameter> params;
	long max_threads = 0;
};

// PtxKernel is what the driver's side knows as a Kernel.
struct PtxKernel : Kernel {
	std::shared_ptr<const Program> program;
};

// ---- decode.cpp

// decode makes the program of a kernel of a module; it throws Bad.
std::shared_ptr<const Program> decode(std::shared_ptr<ModuleText> text, const FunctionText &kernel);

// ---- block.cpp

constexpr int max_calls = 8; // within each other

struct Warp {
	char *registers;
	const char *constants;
	const Operand *named; // Program::registers
	u32 act;      // lanes that run the present instruction
	int first;    // the number of lane 0 in the block
	u32 exists, live;
	u32 waiting, meeting; // in a barrier; in a meeting
	bool products; // that have not been waited for (wgmma)
	int pc[32];
	int depth[32];
	int returns[max_calls][32];
	const Ins *now;

	char *at(Operand o) const { return o & constant_bank ? const_cast<char *>(constants) + (o & ~constant_bank) : registers + o; }
	Predicate &predicate(Operand o) const { return *(Predicate *)at(o); }
	// votes is a predicate of lanes that all have given it a value.
	u32 votes(Operand o, u32 lanes) const;
};

// here makes a lane the thread that faults and races name.
inline void here(const Warp &w, int lane) { self = &worker->thread[w.first + lane]; }

} // namespace hdm::ptx
