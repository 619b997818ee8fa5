package dist

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Place is which process of a group this one is.
type Place struct {
	Rank, Size           int    // 0 ≤ Rank < Size, over all machines
	LocalRank, LocalSize int    // among the processes of this machine; −1 and 0 where nobody told
	Launcher             string // the variables or the library that told, for messages; empty: none
	Master               string // host:port at which process 0 awaits the others; empty: nobody told
	File                 string // where process 0 says it instead; empty: nowhere
}

// scheme is the variables of one kind of launcher.
type scheme struct {
	name                      string
	rank, size, local, locals string
	masterAddress, masterPort string
}

// schemes are the launchers whose variables tell a process its place, the first one that is
// set counts. MPI's own library is asked before any of them. Of Slurm it is the number of tasks
// of the step, which srun alone sets: a batch script has SLURM_PROCID=0 and the SLURM_NTASKS of its
// job, but is one process. Open MPI comes before Slurm: its mpirun reaches other machines by srun, whose
// tasks are not those of the program.
var schemes = []scheme{
	{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"},
	{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", "MASTER_ADDR", "MASTER_PORT"},
	{"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "", "MASTER_ADDR", "MASTER_PORT"},
	{"MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "MASTER_ADDR", "MASTER_PORT"},
}

// fileVariable names a file, seen by all processes, through which they find each other.
const fileVariable = "HDMNET_DIST_FILE"

// masterDefault is torchrun's port where MASTER_ADDR is given without MASTER_PORT.
const masterDefault = 29500

// Environment is the place that a launcher's variables (NAME=value) give to this process:
// of torchrun and Kubeflow (RANK, WORLD_SIZE, LOCAL_RANK), Open MPI (OMPI_COMM_WORLD_*), Slurm
// (SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID), MPICH and its kin (PMI_RANK, PMI_SIZE, MPI_LOCALRANKID), in this order. Without any it is the only process. Process 0
// awaits the others at MASTER_ADDR, one port above MASTER_PORT: that one is torchrun's own. HDMNET_DIST_FILE is a file instead, which all
// processes see and process 0 writes.
func Environment(env []string) (Place, error) {
	vars := map[string]string{}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			vars[name] = value
		}
	}
	for _, s := range schemes {
		if vars[s.rank] == "" || vars[s.size] == "" {
			continue
		}
		return s.place(vars)
	}
	return Place{Size: 1, LocalSize: 1}, nil
}

func (s scheme) place(vars map[string]string) (Place, error) {
	p := Place{LocalRank: -1, Launcher: s.name, File: vars[fileVariable]}
	for _, v := range []struct {
		name string
		to   *int
	}{{s.rank, &p.Rank}, {s.size, &p.Size}, {s.local, &p.LocalRank}, {s.locals, &p.LocalSize}, {s.masterPort, nil}} {
		text := vars[v.name]
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return Place{}, fmt.Errorf("the environment says %s=%q, expected a number from 0; it is set by %s", v.name, text, s.name)
		}
		if v.to != nil {
			*v.to = n
		}
	}
	if p.Size < 1 || p.Rank >= p.Size {
		return Place{}, fmt.Errorf("the environment says %s=%d and %s=%d: the ranks of %[4]d processes are 0 to %[5]d; it is set by %[6]s",
			s.rank, p.Rank, s.size, p.Size, p.Size-1, s.name)
	}
	if host := vars[s.masterAddress]; host != "" {
		port := masterDefault
		if text := vars[s.masterPort]; text != "" {
			port, _ = strconv.Atoi(text) // checked above
		}
		if port > 65534 {
			return Place{}, fmt.Errorf("the environment says %s=%d, expected at most 65534: process 0 awaits the others one port above it", s.masterPort, port)
		}
		p.Master = net.JoinHostPort(host, strconv.Itoa(port+1))
	}
	return p, nil
}
