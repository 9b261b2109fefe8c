package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"

	"github.com/a472be26/cusp/router"
)

// Embedder makes vectors of texts. Safe for concurrent use.
type Embedder interface {
	Embed(ctx context.Context, texts []Text) (Vectors, error)
}

// Vectors are those of some texts, in their order.
type Vectors struct {
	Model  string
	Values [][]float32
	Tokens int // of all texts together
}

const maxInputs = 2048 // OpenAI's

// EmbeddingRequest is a decoded request for vectors.
type EmbeddingRequest struct {
	Model      string
	Texts      []Text
	Base64     bool // of little-endian float32, instead of numbers
	Dimensions int  // that are wanted; 0: as many as the model has
}

// wireEmbedding is the part of OpenAI's CreateEmbeddingRequest that is read.
type wireEmbedding struct {
	Model      string          `json:"model"`
	Input      json.RawMessage `json:"input"`
	Format     string          `json:"encoding_format"`
	Dimensions *int64          `json:"dimensions"`
}

// DecodeEmbedding reads the body of a request for vectors.
func DecodeEmbedding(body []byte) (EmbeddingRequest, error) {
	var w wireEmbedding
	if err := decodeBody(body, &w); err != nil {
		return EmbeddingRequest{}, err
	}
	r := EmbeddingRequest{Model: w.Model}
	switch w.Format {
	case "", "float":
	case "base64":
		r.Base64 = true
	default:
		return r, invalid("encoding_format", "encoding_format is %.40q; it must be float or base64", w.Format)
	}
	if err := within("dimensions", w.Dimensions, 1, maxTokens); err != nil {
		return r, err
	}
	r.Dimensions = int(orZero(w.Dimensions))
	var err error
	r.Texts, err = texts(w.Input, "input", maxInputs)
	return r, err
}

type embeddingList struct {
	Object string         `json:"object"`
	Data   []embedding    `json:"data"`
	Model  string         `json:"model"`
	Usage  embeddingUsage `json:"usage"`
}

type embedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	Vector any    `json:"embedding"` // numbers, or base64
}

type embeddingUsage struct {
	Prompt int `json:"prompt_tokens"`
	Total  int `json:"total_tokens"`
}

// embeddings answers POST /v1/embeddings.
func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) {
	body, err := s.body(w, r)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	req, err := DecodeEmbedding(body)
	if err == nil {
		err = s.embeds(req.Model)
	}
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	v, err := s.o.Embedder.Embed(r.Context(), req.Texts)
	if err == nil {
		err = req.check(v)
	}
	if err != nil {
		s.failed(w, r, router.Question{}, err)
		return
	}
	s.send(w, http.StatusOK, req.list(v))
}

// NoEmbeddings says that no model makes vectors of texts.
func NoEmbeddings() *Error {
	e := notFound("no model that makes vectors of texts is loaded; name one in the configuration, [embeddings] model")
	e.Param, e.Code = "model", "model_not_found"
	return e
}

// embeds checks that the named model makes vectors; no name is any.
func (s *Server) embeds(name string) error {
	if s.o.Embedder == nil {
		return NoEmbeddings()
	}
	if name == "" || name == anyModel {
		return nil
	}
	m, err := s.find(name)
	if err == nil && !m.Embeds {
		return invalid("model", "model %s answers questions and makes no vectors of texts", quoted(name))
	}
	return err
}

// check refuses a length that the vectors do not have: to cut them short would
// change what they mean.
func (r EmbeddingRequest) check(v Vectors) error {
	if n := len(v.Values[0]); r.Dimensions != 0 && r.Dimensions != n {
		return invalid("dimensions", "dimensions is %d; the vectors of model %s have %d, which cannot be changed", r.Dimensions, v.Model, n)
	}
	return nil
}

func (r EmbeddingRequest) list(v Vectors) embeddingList {
	out := embeddingList{Object: "list", Data: []embedding{}, Model: v.Model, Usage: embeddingUsage{v.Tokens, v.Tokens}}
	for i, vector := range v.Values {
		e := embedding{Object: "embedding", Index: i, Vector: vector}
		if r.Base64 {
			e.Vector = packed(vector)
		}
		out.Data = append(out.Data, e)
	}
	return out
}

// packed is a vector as little-endian float32 in base64.
func packed(vector []float32) string {
	raw := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
