package kernel

// Queries that one call of the assembly takes: as many as there are registers
// for.
const (
	scoresRows = 4
	mixRows    = 4
)
