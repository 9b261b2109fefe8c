package bench

import (
	"strings"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// Work is a model as the load that it puts on a machine.
type Work struct {
	Name       string `json:"name"`
	Quant      string `json:"quant"`      // the mix that the file names, else the type of most of its bytes
	Parameters int64  `json:"parameters"` // of all tensors
	FileBytes  int64  `json:"file_bytes"`
	// TokenBytes are the weights that one decoded token reads: all, but of an
	// embedding that is not the head at the same time only one row, which is
	// not counted. Nor are keys and values.
	TokenBytes int64 `json:"token_bytes"`
	// LayerMACs are the multiply-accumulates of one token in the layers'
	// matrices, HeadMACs those of the head, which a prompt needs only once.
	// Attention itself is not counted.
	LayerMACs int64 `json:"layer_macs"`
	HeadMACs  int64 `json:"head_macs"`

	vocab int
	most  quant.Type // of its bytes
}

const (
	embeddingName = "token_embd.weight"
	headName      = "output.weight"
	fileTypeKey   = "general.file_type"
)

// workOf counts what is in a file that model.Load has accepted.
func workOf(source Source, f *gguf.File) Work {
	w := Work{Name: source.Describe(), FileBytes: f.Size()}
	head, untied := f.Tensor(headName)
	embedding, _ := f.Tensor(embeddingName)
	if !untied {
		head = embedding
	}
	w.HeadMACs = int64(head.Elements())
	w.vocab = head.Dims[1]
	bytes := map[quant.Type]int64{}
	for _, t := range f.Tensors() {
		n := int64(len(t.Data))
		w.Parameters += int64(t.Elements())
		bytes[t.Type] += n
		if bytes[t.Type] > bytes[w.most] {
			w.most = t.Type
		}
		if t.Name != embeddingName || !untied {
			w.TokenBytes += n
		}
		if len(t.Dims) == 2 && strings.HasPrefix(t.Name, "blk.") {
			w.LayerMACs += int64(t.Elements())
		}
	}
	w.Quant = w.most.String()
	if mix, ok := mixOf(f); ok {
		w.Quant = mix.String()
	}
	return w
}

func mixOf(f *gguf.File) (quant.Mix, bool) {
	v, _ := f.Value(fileTypeKey)
	n, ok := v.(uint32)
	if !ok {
		return quant.Mix{}, false
	}
	return quant.MixOfFile(n)
}

// promptMACs is the multiply-accumulates per token of a prompt.
func (w Work) promptMACs(tokens int) float64 {
	return float64(w.LayerMACs) + float64(w.HeadMACs)/float64(tokens)
}
