package model

// kvCache is the attention memory of one sequence in float32.
type kvCache struct {
	capacity int
	headDim  int
	layers   []kvLayer
}

// kvLayer keeps every head's rows together, so that attention reads them in one
// run. Keys are stored after their rotation.
type kvLayer struct {
	keys, values []float32 // [KVHeads][capacity][HeadDim]
}

var _ Cache = (*kvCache)(nil)

func newKVCache(c Config, tokens int) *kvCache {
	k := &kvCache{capacity: tokens, headDim: c.HeadDim, layers: make([]kvLayer, c.Layers)}
	for i := range k.layers {
		n := c.KVHeads * tokens * c.HeadDim
		k.layers[i] = kvLayer{keys: make([]float32, n), values: make([]float32, n)}
	}
	return k
}

func (k *kvCache) Capacity() int { return k.capacity }

// store copies the heads of one position into a layer; key and value are
// [KVHeads*HeadDim].
func (k *kvCache) store(layer, position int, key, value []float32) {
	l := &k.layers[layer]
	for from := 0; from < len(key); from += k.headDim {
		to := from*k.capacity + position*k.headDim
		copy(l.keys[to:], key[from:from+k.headDim])
		copy(l.values[to:], value[from:from+k.headDim])
	}
}

// head is the first n positions of one head of a layer, each [n][HeadDim].
func (k *kvCache) head(layer, head, n int) (keys, values []float32) {
	from := head * k.capacity * k.headDim
	to := from + n*k.headDim
	return k.layers[layer].keys[from:to], k.layers[layer].values[from:to]
}
