package bench

// Report is the outcome of Run, and as JSON what scripts read.
type Report struct {
	Machine Machine `json:"machine"`
	Model   Work    `json:"model"`
	Limits  Limits  `json:"limits"`
	Memory  Memory  `json:"memory"`
	Prefill int     `json:"prefill"` // tokens
	Decode  int     `json:"decode"`  // tokens
	Repeat  int     `json:"repeat"`
	Rows    []Row   `json:"threads"`
}

// Limits says how the machine's limits were measured.
type Limits struct {
	Read    string `json:"read"`
	Compute string `json:"compute"`
}

// Memory is what one sequence needs.
type Memory struct {
	Peak    int64   `json:"peak_bytes,omitempty"`        // resident, of the process; 0: not known on this system
	Before  int64   `json:"before_bytes,omitempty"`      // of that, before the model was made
	Large   *int64  `json:"large_pages_bytes,omitempty"` // of the model's file in large pages; nil: no file, or not known
	Context int     `json:"context"`                     // tokens that its cache has room for
	KV      string  `json:"kv"`                          // what keys and values are stored as
	KVToken float64 `json:"kv_bytes_per_token"`
}

// Row is everything about one number of threads.
type Row struct {
	Threads      int     `json:"threads"`
	Bandwidth    Spread  `json:"read_gb_per_s"`      // of all threads together
	Compute      Spread  `json:"compute_gmac_per_s"` // of all threads together
	Prefill      Spread  `json:"prefill_tok_per_s"`
	PrefillShare float64 `json:"prefill_share_of_compute"` // 1 is the limit
	Decode       Spread  `json:"decode_tok_per_s"`
	DecodeShare  float64 `json:"decode_share_of_read"` // 1 is the limit of weights that come from memory
	Batches      []Batch `json:"batches"`
	FirstToken   Spread  `json:"first_token_ms"`
	Gap          Gap     `json:"gap_between_tokens"`
	Allocations  float64 `json:"allocations_per_token"`
}

// Batch is several sequences decoded at the same time.
type Batch struct {
	Sequences int     `json:"sequences"`
	Total     Spread  `json:"total_tok_per_s"`
	Ratio     float64 `json:"ratio_to_one"`
}

// Gap is the time between two tokens of a running stream.
type Gap struct {
	Usual Spread `json:"alone_ms"`         // nobody else is there
	Worst Spread `json:"beside_prompt_ms"` // the worst while a prompt of the measured length comes in
}
