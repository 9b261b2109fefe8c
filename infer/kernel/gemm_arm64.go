package kernel

// tileNEON is tileGeneric for 8 x 8. It loads C even without add, but drops
// what it loaded.
//
//go:noescape
func tileNEON(k int, a, b, c *float32, ldc int, add bool)
