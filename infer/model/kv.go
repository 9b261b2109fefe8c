package model

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// PageTokens is the number of positions of a page of a KV.
const PageTokens = kernel.PageTokens

// kvTypes are what keys and values can be stored as.
var kvTypes = []quant.Type{quant.F16, quant.F32, quant.Q8_0}

// PageBytes is the size of a page that holds the keys and values of PageTokens
// positions in all layers that are kept, as kind. It is a float because no product of a
// file's numbers overflows one.
func (c Config) PageBytes(kind quant.Type) float64 {
	keys, values := c.blockBytes(kind)
	return (keys + values) * float64(c.Kept()) * float64(c.KVHeads)
}

// blockBytes are those of the keys and of the values of a page, for one layer and
// head.
func (c Config) blockBytes(kind quant.Type) (keys, values float64) {
	if kind == quant.Q8_0 {
		return float64(kernel.KeyBytes8(c.HeadDim)), float64(kernel.ValueBytes8(c.HeadDim))
	}
	value := 2.0
	if kind == quant.F32 {
		value = 4
	}
	values = value * PageTokens * float64(c.HeadDim)
	return values, values
}

// pagedKV is a KV in main memory. A page holds for every layer and every head
// of keys one after another
//
//	keys   [HeadDim][PageTokens], after their rotation
//	values [PageTokens][HeadDim]
//
// in the order of the machine's bytes; see kernel.PageTokens, and for Q8_0
// kernel.KeyBytes8.
type pagedKV struct {
	kind         quant.Type
	heads        int // of keys
	headDim      int
	keys, values int    // bytes of those of a layer and head
	page         int    // bytes of a page
	data         []byte // [pages][layers][heads][keys+values]
	release      func() error
}

var _ KV = (*pagedKV)(nil)

func newPagedKV(c Config, pages int, kind quant.Type) (*pagedKV, error) {
	if !slices.Contains(kvTypes, kind) {
		return nil, fmt.Errorf("model: keys and values as %s: %v are supported", kind, kvTypes)
	}
	const most = 1 << 46 // bytes, about what a process can address
	size := c.PageBytes(kind)
	if pages < 1 || float64(pages)*size > min(most, math.MaxInt) {
		return nil, fmt.Errorf("model: KV cache of %d pages of %.3g bytes is not possible", pages, size)
	}
	data, release, err := reserve(pages * int(size))
	if err != nil {
		return nil, fmt.Errorf("model: reserve %.3g MB for keys and values: %w", float64(pages)*size/1e6, err)
	}
	keys, values := c.blockBytes(kind)
	return &pagedKV{
		kind: kind, heads: c.KVHeads, headDim: c.HeadDim,
		keys: int(keys), values: int(values), page: int(size), data: data, release: release,
	}, nil
}

// own is the KV that a runner of this model can use.
func (c Config) own(store KV) (*pagedKV, error) {
	kv, ok := store.(*pagedKV)
	if !ok || float64(kv.page) != c.PageBytes(kv.kind) || kv.heads != c.KVHeads || kv.headDim != c.HeadDim {
		return nil, fmt.Errorf("model: the KV cache (%T) was not made by this model", store)
	}
	return kv, nil
}

func (k *pagedKV) Pages() int { return len(k.data) / k.page }

func (k *pagedKV) PageBytes() int { return k.page }

func (k *pagedKV) Read(dst []byte, page int32) error {
	copy(dst[:k.page], k.bytes(page))
	return nil
}

func (k *pagedKV) Write(page int32, src []byte) { copy(k.bytes(page), src[:k.page]) }

func (k *pagedKV) Copy(dst, src int32) { copy(k.bytes(dst), k.bytes(src)) }

func (k *pagedKV) Close() error {
	release := k.release
	k.release, k.data = nil, nil
	if release == nil {
		return nil
	}
	return release()
}

func (k *pagedKV) bytes(page int32) []byte {
	from := int(page) * k.page
	return k.data[from : from+k.page]
}

// put stores the heads of one position of a layer; key and value are
// [heads*headDim].
func (k *pagedKV) put(page int32, slot, layer int, key, value []float32) {
	for head := range k.heads {
		from, to := head*k.headDim, (head+1)*k.headDim
		keys, values := k.blocks(page, layer, head)
		switch k.kind {
		case quant.Q8_0:
			kernel.PutKey8(keys, slot, key[from:to])
			kernel.PutValue8(values, slot, value[from:to])
		case quant.F16:
			kernel.PutKey(as[uint16](keys), slot, key[from:to])
			kernel.PutValue(as[uint16](values), slot, value[from:to])
		default:
			kernel.PutKeyF32(as[float32](keys), slot, key[from:to])
			kernel.PutValueF32(as[float32](values), slot, value[from:to])
		}
	}
}

// scores sets w.scores to the products of the n queries in w with the keys of
// pages of a layer and head. The pages' values are mix's.
func (k *pagedKV) scores(w *workspace, n int, pages []int32, layer, head int) {
	w.keys, w.values = w.keys[:len(pages)], w.values[:len(pages)]
	for i, page := range pages {
		w.keys[i], w.values[i] = k.blocks(page, layer, head)
	}
	switch k.kind {
	case quant.Q8_0:
		w.int8.Scores(w.scores, chunkTokens, w.keys)
	case quant.F16:
		kernel.Scores(w.scores, chunkTokens, w.queries, k.headDim, n, w.keys, k.headDim)
	default:
		kernel.ScoresF32(w.scores, chunkTokens, w.queries, k.headDim, n, w.keys, k.headDim)
	}
}

// mix adds the first tokens values of the pages that were scored to dst,
// [n][headDim], by the weights in w.scores. Behind the last position a page
// holds anything, even no numbers.
func (k *pagedKV) mix(dst []float32, w *workspace, n, tokens int) {
	switch k.kind {
	case quant.Q8_0:
		w.int8.Mix(dst, k.headDim, w.scores, chunkTokens, w.values, tokens)
	case quant.F16:
		kernel.Mix(dst, k.headDim, w.scores, chunkTokens, n, w.values, tokens, k.headDim)
	default:
		kernel.MixF32(dst, k.headDim, w.scores, chunkTokens, n, w.values, tokens, k.headDim)
	}
}

func (k *pagedKV) blocks(page int32, layer, head int) (keys, values []byte) {
	b := k.bytes(page)[(layer*k.heads+head)*(k.keys+k.values):]
	return b[:k.keys], b[k.keys : k.keys+k.values]
}

// as reads bytes as numbers. Pages and blocks are multiples of 16 numbers, so
// that they are aligned where the reserved memory is.
func as[T uint16 | float32](b []byte) []T {
	var number T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(number)))
}
