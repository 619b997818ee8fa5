package dist

import (
	"regexp"
	"testing"
)

func matches(pattern, s string) bool { return regexp.MustCompile(pattern).MatchString(s) }

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want Place
	}{
		{[]string{"PATH=/bin", "MASTER_ADDR=a"}, Place{Size: 1, LocalSize: 1}},
		{[]string{"RANK=3", "WORLD_SIZE=4", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "MASTER_ADDR=a", "MASTER_PORT=10", "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=1"},
			Place{3, 4, 1, 2, "torchrun", "a:11", ""}},
		{[]string{"RANK=3", "WORLD_SIZE=4", "MASTER_ADDR=fe80::1"}, Place{3, 4, -1, 0, "torchrun", "[fe80::1]:29501", ""}}, // Kubeflow
		{[]string{"SLURM_PROCID=5", "SLURM_STEP_NUM_TASKS=8", "SLURM_LOCALID=0", "PMI_RANK=0", "PMI_SIZE=1", "HDMNET_DIST_FILE=/x"}, Place{5, 8, 0, 0, "Slurm", "", "/x"}},
		{[]string{"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_LOCAL_RANK=1", "OMPI_COMM_WORLD_LOCAL_SIZE=2"}, Place{1, 2, 1, 2, "Open MPI", "", ""}},
		{[]string{"SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=1", "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_SIZE=4"}, Place{3, 4, -1, 0, "Open MPI", "", ""}}, // mpirun by srun
		{[]string{"PMI_RANK=1", "PMI_SIZE=2", "MPI_LOCALRANKID=1", "MPI_LOCALNRANKS=2"}, Place{1, 2, 1, 2, "MPICH", "", ""}},
		{[]string{"SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=1"}, Place{0, 1, -1, 0, "Slurm", "", ""}},
		{[]string{"SLURM_PROCID=0", "SLURM_NTASKS=8", "SLURM_LOCALID=0", "SLURM_JOB_ID=7"}, Place{Size: 1, LocalSize: 1}},               // a batch script
		{[]string{"SLURM_PROCID=1", "SLURM_NTASKS=8", "SLURM_STEP_NUM_TASKS=2", "SLURM_LOCALID=1"}, Place{1, 2, 1, 0, "Slurm", "", ""}}, // srun -n 2 in it
	} {
		if got, err := Environment(c.env); err != nil || got != c.want {
			t.Errorf("%v: %+v, %v; want %+v", c.env, got, err, c.want)
		}
	}
	for env, want := range map[[3]string]string{
		{"RANK=x", "WORLD_SIZE=2"}:                                       `RANK="x"`,
		{"RANK=2", "WORLD_SIZE=2"}:                                       "RANK=2 and WORLD_SIZE=2: the ranks of 2 processes are 0 to 1",
		{"SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=0"}:                     "SLURM_STEP_NUM_TASKS=0",
		{"RANK=0", "WORLD_SIZE=2", "MASTER_PORT=http"}:                   `MASTER_PORT="http"`,
		{"SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=2", "SLURM_LOCALID=-1"}: `SLURM_LOCALID="-1"`,
	} {
		_, err := Environment(env[:])
		if err == nil || !matches(regexp.QuoteMeta(want), err.Error()) {
			t.Errorf("%q: %v, want %s", env, err, want)
		}
	}
	if _, err := Environment([]string{"RANK=0", "WORLD_SIZE=2", "MASTER_ADDR=x", "MASTER_PORT=65535"}); err == nil || !matches("at most 65534", err.Error()) {
		t.Errorf("the last port: %v", err)
	}
}
