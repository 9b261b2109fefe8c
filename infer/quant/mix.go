package quant

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Mix says which type each tensor of a model gets: one for all, by the type's
// name (q4_k), or several, by llama-quantize's (q4_k_m). The zero Mix is F32.
//
// The rules are those of llama.cpp's llama-quant.cpp without an importance
// matrix, for models with fewer than 80 layers; except that one type means one
// type for all matrices, as llama-quantize --pure does.
type Mix struct {
	name     string
	base     Type
	fileType uint32
	pick     func(Place) Type // nil: base
}

// Place is a matrix in its model.
type Place struct {
	Name    string // as in the file
	Cols    int    // values of a row
	Layers  int    // of the model
	Experts int    // of a layer, 0 for none
	Tied    bool   // the embedding is the head too
}

// mixes are those with several types.
var mixes = []Mix{
	{"Q3_K_M", Q3_K, 12, pickQ3KM},
	{"Q4_K_M", Q4_K, 15, func(p Place) Type { return pickSome(p, Q4_K) }},
	{"Q5_K_M", Q5_K, 17, func(p Place) Type { return pickSome(p, Q5_K) }},
}

// fileTypes are the numbers of llama.cpp's enum llama_ftype for a file of
// mostly one type.
var fileTypes = map[Type]uint32{
	F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, Q5_0: 8, Q5_1: 9, Q2_K: 10, Q3_K: 11, Q4_K: 14,
	Q5_K: 16, Q6_K: 18, IQ4_NL: 25, IQ4_XS: 30, BF16: 32, MXFP4: 38,
}

// ParseMix reads the name of a type that Decode knows or of a mix, in upper or
// lower case.
func ParseMix(name string) (Mix, error) {
	for _, m := range append(slices.Clone(mixes), pure()...) {
		if strings.EqualFold(m.String(), name) {
			return m, nil
		}
	}
	return Mix{}, fmt.Errorf("quantization %q is not known: give one of %s", name, strings.Join(MixNames(), ", "))
}

// MixNames lists what ParseMix reads.
func MixNames() []string {
	var names []string
	for _, m := range append(slices.Clone(mixes), pure()...) {
		names = append(names, strings.ToLower(m.String()))
	}
	slices.Sort(names)
	return names
}

func pure() []Mix {
	var all []Mix
	for _, t := range slices.Sorted(maps.Keys(fileTypes)) {
		all = append(all, MixOf(t))
	}
	return all
}

// MixOf is one type for all matrices.
func MixOf(t Type) Mix { return Mix{base: t, fileType: fileTypes[t]} }

// MixOfFile finds the mix of a file's general.file_type; ok is false for a file
// of mostly one type.
func MixOfFile(fileType uint32) (m Mix, ok bool) {
	i := slices.IndexFunc(mixes, func(m Mix) bool { return m.fileType == fileType })
	if i < 0 {
		return Mix{}, false
	}
	return mixes[i], true
}

// String is the name in llama.cpp's spelling, for example "Q4_K_M".
func (m Mix) String() string {
	if m.name != "" {
		return m.name
	}
	return m.base.String()
}

// Base is the type of most tensors.
func (m Mix) Base() Type { return m.base }

// FileType is the value of general.file_type.
func (m Mix) FileType() uint32 { return m.fileType }

// Type chooses for a matrix; the blocks of the type fit its columns.
func (m Mix) Type(p Place) Type {
	t := m.base
	if m.pick != nil {
		t = m.pick(p)
	}
	if p.Cols%t.BlockSize() == 0 {
		return t
	}
	if smaller, ok := smallerBlocks[t]; ok && p.Cols%smaller.BlockSize() == 0 {
		return smaller
	}
	return F16
}

// smallerBlocks stand in where rows are no multiple of 256.
var smallerBlocks = map[Type]Type{
	Q2_K: Q4_0, Q3_K: Q4_0, Q4_K: Q5_0, Q5_K: Q5_1, Q6_K: Q8_0, IQ4_XS: IQ4_NL,
}

// pickSome gives the head, and of some layers the values and the way back
// from the feed-forward block, two bits more or one.
func pickSome(p Place, base Type) Type {
	switch {
	case p.head():
		return headType(p, base)
	case p.Experts == 8 && (p.values() || p.is("attn_k")):
		return Q8_0
	case p.Experts == 8 && base == Q4_K && p.is("attn_output"):
		return Q5_K
	case (p.values() || p.down()) && moreBits(p.layer(), p.Layers):
		return Q6_K
	}
	return base
}

func pickQ3KM(p Place) Type {
	switch layer := p.layer(); {
	case p.head():
		return headType(p, Q3_K)
	case p.Experts == 8 && (p.values() || p.is("attn_k")):
		return Q8_0
	case p.Experts == 8 && p.is("attn_output"), p.values() && layer < 2, p.down() && layer < p.Layers/16:
		return Q5_K
	case p.values(), p.down(), p.is("attn_output"):
		return Q4_K
	}
	return Q3_K
}

func headType(p Place, base Type) Type {
	if p.Cols%base.BlockSize() != 0 {
		return Q8_0
	}
	return Q6_K
}

// moreBits is true of the first and the last eighth of the layers and of every
// third between.
func moreBits(layer, layers int) bool {
	eighth := layers / 8
	return layer < eighth || layer >= 7*layers/8 || (layer-eighth)%3 == 2
}

func (p Place) head() bool {
	return p.Name == "output.weight" || p.Tied && p.Name == "token_embd.weight"
}

func (p Place) is(part string) bool { return strings.HasSuffix(p.Name, "."+part+".weight") }

// values is true of what makes values, alone or with queries and keys.
func (p Place) values() bool {
	return strings.HasSuffix(p.Name, "attn_v.weight") || strings.HasSuffix(p.Name, "attn_qkv.weight")
}

// down is true of the way back from the feed-forward block, of experts too.
func (p Place) down() bool { return strings.Contains(p.Name, ".ffn_down") }

// layer is i of "blk.i.", which may have a prefix; 0 of other tensors.
func (p Place) layer() int {
	_, rest, _ := strings.Cut(p.Name, "blk.")
	digits, _, _ := strings.Cut(rest, ".")
	i, _ := strconv.Atoi(digits)
	return i
}
