package main

// What `hdmnet bench … --json` prints: the names are those that scripts read.

type benchWorkload struct {
	Machine struct {
		CPU       string
		Cores     int
		Threads   int
		ISA       string
		Go        string
		Device    string
		Precision string
	}
	Dataset, Backbone, Mode    string
	Shots, Size, Batch, Warmup int
}

type benchSpread struct {
	Median, Min, Max float64
	Runs             []float64
}

type benchOperator struct {
	Name      string
	Calls     int
	MS        float64
	GFLOP, GB float64
}

type benchModelReport struct {
	benchWorkload
	Seconds           benchSpread
	EpisodesPerSecond float64 `json:"episodes_per_second"`
	ReleaseGFLOP      float64 `json:"release_gflop"`
	ReleaseGFLOPS     float64 `json:"release_gflop_s"`
	PeakGFLOPS        float64 `json:"peak_gflop_s"`
	ShareOfPeak       float64 `json:"share_of_peak"`
	PeakMiB           float64 `json:"peak_mib"`
	DeviceMiB         float64 `json:"device_peak_mib"`
	ActivationsMiB    float64 `json:"activations_mib"`
	ArenaMiB          float64 `json:"arena_mib"`
	Result            float64
	Operators         []benchOperator
	OperatorsSeconds  *benchSpread `json:"operators_seconds"`
	Stages            *struct {
		benchCopies
		Needed   float64 `json:"needed_gflop"`
		Floor    float64 `json:"floor_seconds"`
		OnDevice float64 `json:"on_device_seconds"`
		Parts    []struct {
			Name      string
			MS        float64
			ApartMS   float64 `json:"apart_ms"`
			GFLOP, GB float64
			FloorMS   float64 `json:"floor_ms"`
		}
	}
}

type benchCopies struct {
	Copy         float64 `json:"copy_gb_s"`
	HostToDevice float64 `json:"host_to_device_gb_s"`
	DeviceToHost float64 `json:"device_to_host_gb_s"`
}

type benchOpsReport struct {
	benchWorkload
	Calls []struct {
		Operator, Shapes string
		Calls            int
		MS, GFLOP, GB    float64
	}
}

type benchGemmReport struct {
	benchWorkload
	Best     float64 `json:"best_gflop_s"`
	OneCore  float64 `json:"one_core_gflop_s"`
	Products []struct {
		M, N, K int
		Linear  float64 `json:"linear_gflop_s"`
		Frozen  float64 `json:"frozen_gflop_s"`
		Share   float64 `json:"share_of_best"`
	}
}

type benchRooflineReport struct {
	Machine  struct{ Device string }
	Products []struct {
		Precision string
		GFLOPS    float64 `json:"gflop_s"`
		Reason    string
	}
	benchCopies
}

type benchDataReport struct {
	ImagesPerSecond float64 `json:"images_per_second"`
	Runs            []float64
	Images          int
	Seconds         float64
	DecodeMS        float64 `json:"decode_ms"`
	PeakMiB         float64 `json:"peak_mib"`
	Dataset, Split  string
	Shots, Size     int
	Batch, Workers  int
}
