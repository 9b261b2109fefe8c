package quant

import (
	"fmt"
	"strings"
	"testing"
)

// The expected types are those that llama-quantize wrote for a Llama of 16
// layers with rows of 256 values.
func TestMixes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mix, tensor string
		want        Type
	}{
		{"q4_k_m", "token_embd.weight", Q4_K}, {"q4_k_m", "output.weight", Q6_K},
		{"q4_k_m", "blk.0.attn_v.weight", Q6_K}, {"q4_k_m", "blk.1.attn_v.weight", Q6_K},
		{"q4_k_m", "blk.2.attn_v.weight", Q4_K}, {"q4_k_m", "blk.3.ffn_down.weight", Q4_K},
		{"q4_k_m", "blk.4.ffn_down.weight", Q6_K}, {"q4_k_m", "blk.13.ffn_down.weight", Q6_K},
		{"q4_k_m", "blk.12.ffn_down.weight", Q4_K}, {"q4_k_m", "blk.15.attn_v.weight", Q6_K},
		{"q4_k_m", "blk.15.attn_q.weight", Q4_K}, {"q4_k_m", "blk.0.attn_output.weight", Q4_K},
		{"q5_k_m", "blk.0.ffn_up.weight", Q5_K}, {"q5_k_m", "blk.7.attn_v.weight", Q6_K}, {"q5_k_m", "output.weight", Q6_K},
		{"q3_k_m", "blk.0.ffn_gate.weight", Q3_K}, {"q3_k_m", "blk.0.ffn_down.weight", Q5_K}, {"q3_k_m", "blk.1.ffn_down.weight", Q4_K},
		{"q3_k_m", "blk.1.attn_v.weight", Q5_K}, {"q3_k_m", "blk.2.attn_v.weight", Q4_K}, {"q3_k_m", "blk.9.attn_output.weight", Q4_K},
		{"q3_k_m", "output.weight", Q6_K}, {"q3_k_m", "blk.0.attn_k.weight", Q3_K},
		{"Q4_K", "output.weight", Q4_K}, {"mxfp4", "blk.3.attn_v.weight", MXFP4},
	} {
		m, err := ParseMix(c.mix)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Type(Place{Name: c.tensor, Cols: 256, Layers: 16}); got != c.want {
			t.Errorf("%s: %s is %s, want %s", m, c.tensor, got, c.want)
		}
	}
}

// What llama-quantize wrote for other architectures: queries, keys and values
// in one matrix, and eight experts or another number.
func TestMixesOfOtherArchitectures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mix, tensor string
		experts     int
		want        Type
	}{
		{"q4_k_m", "blk.0.attn_qkv.weight", 0, Q6_K}, {"q4_k_m", "blk.2.attn_qkv.weight", 0, Q4_K},
		{"q5_k_m", "blk.0.attn_qkv.weight", 0, Q6_K}, {"q3_k_m", "blk.0.attn_qkv.weight", 0, Q5_K}, {"q3_k_m", "blk.2.attn_qkv.weight", 0, Q4_K},
		{"q4_k_m", "blk.0.attn_v.weight", 8, Q8_0}, {"q4_k_m", "blk.2.attn_k.weight", 8, Q8_0}, {"q4_k_m", "blk.2.attn_output.weight", 8, Q5_K},
		{"q5_k_m", "blk.2.attn_output.weight", 8, Q5_K}, {"q3_k_m", "blk.2.attn_output.weight", 8, Q5_K}, {"q3_k_m", "blk.2.attn_k.weight", 8, Q8_0},
		{"q4_k_m", "blk.0.ffn_down_exps.weight", 8, Q6_K}, {"q4_k_m", "blk.2.ffn_down_exps.weight", 8, Q4_K},
		{"q4_k_m", "blk.2.attn_k.weight", 4, Q4_K}, {"q4_k_m", "blk.0.attn_v.weight", 4, Q6_K}, {"q4_k_m", "blk.2.ffn_gate_exps.weight", 4, Q4_K},
		{"q4_k_m", "dec.blk.0.cross_attn_v.weight", 0, Q6_K}, {"q4_k_m", "dec.blk.2.attn_v.weight", 0, Q4_K},
	} {
		m, err := ParseMix(c.mix)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Type(Place{Name: c.tensor, Cols: 256, Layers: 16, Experts: c.experts}); got != c.want {
			t.Errorf("%s: %s with %d experts is %s, want %s", m, c.tensor, c.experts, got, c.want)
		}
	}
}

// Rows that blocks do not fill get another type, and a tied embedding is a head.
func TestMixFallsBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mix    string
		tensor string
		cols   int
		want   Type
	}{
		{"q2_k", "x", 288, Q4_0}, {"q3_k", "x", 288, Q4_0}, {"q4_k", "x", 288, Q5_0}, {"q5_k", "x", 288, Q5_1},
		{"q6_k", "x", 288, Q8_0}, {"iq4_xs", "x", 288, IQ4_NL}, {"q4_0", "x", 288, Q4_0}, {"q4_k", "x", 80, F16}, {"q8_0", "x", 80, F16},
		{"q4_k_m", "output.weight", 288, Q8_0}, {"q4_k_m", "token_embd.weight", 256, Q6_K}, {"q4_k_m", "token_embd.weight", 288, Q8_0},
		{"q4_k_m", "blk.0.attn_v.weight", 288, Q5_0}, {"f32", "x", 3, F32},
	} {
		m, err := ParseMix(c.mix)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Type(Place{Name: c.tensor, Cols: c.cols, Layers: 6, Tied: true}); got != c.want {
			t.Errorf("%s: %s of %d columns is %s, want %s", m, c.tensor, c.cols, got, c.want)
		}
	}
}

func TestParseMix(t *testing.T) {
	t.Parallel()
	for _, name := range MixNames() {
		m, err := ParseMix(strings.ToUpper(name))
		if err != nil || !strings.EqualFold(m.String(), name) {
			t.Errorf("%s: got %s, %v", name, m, err)
		}
	}
	_, err := ParseMix("q9_9")
	if want := `quantization "q9_9" is not known: give one of bf16, f16, f32, iq4_nl`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want one that begins with %q", err, want)
	}
	if m, ok := MixOfFile(15); !ok || fmt.Sprint(m, " ", m.Base(), " ", m.FileType()) != "Q4_K_M Q4_K 15" {
		t.Errorf("file type 15 is %s, %v", m, ok)
	}
	if m, ok := MixOfFile(7); ok {
		t.Errorf("file type 7 is the mix %s", m)
	}
}
