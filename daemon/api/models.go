package api

import (
	"net/http"
	"slices"
	"time"
)

// Model is one entry of /v1/models.
type Model struct {
	ID      string    // "cusp-student"
	Aliases []string  // what else it may be called, such as NAME@VERSION
	Created time.Time // when it began to serve
	Owner   string    // "cusp", or who signed the bundle
	Embeds  bool      // it makes vectors of texts, and no answers
}

// anyModel is the name that always stands for what serves now.
const anyModel = "cusp"

func (m Model) named(name string) bool { return m.ID == name || slices.Contains(m.Aliases, name) }

func (m Model) object() modelObject {
	return modelObject{ID: m.ID, Object: "model", Created: m.Created.Unix(), OwnedBy: m.Owner}
}

// listed are the models that can be asked now. Who answers a question is the
// router's to decide; its entry is there as long as anything answers.
func (s *Server) listed() []Model {
	all := s.o.Models()
	since := s.started
	if len(all) > 0 {
		since = all[0].Created
	}
	return append(slices.Clone(all), Model{ID: anyModel, Created: since, Owner: anyModel})
}

// find returns the model of that name.
func (s *Server) find(name string) (Model, error) {
	for _, m := range s.listed() {
		if m.named(name) {
			return m, nil
		}
	}
	e := notFound("model " + quoted(name) + " is not served here; GET /v1/models lists what is, and \"" + anyModel + "\" is always what serves")
	e.Param, e.Code = "model", "model_not_found"
	return Model{}, e
}

// answers checks that the named model answers questions; no name is any.
func (s *Server) answers(name string) error {
	if name == "" {
		return nil
	}
	m, err := s.find(name)
	if err == nil && m.Embeds {
		return invalid("model", "model %s makes vectors of texts and answers no questions", quoted(name))
	}
	return err
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	list := modelList{Object: "list", Data: []modelObject{}}
	for _, m := range s.listed() {
		list.Data = append(list.Data, m.object())
	}
	s.send(w, http.StatusOK, list)
}

func (s *Server) oneModel(w http.ResponseWriter, r *http.Request) {
	m, err := s.find(r.PathValue("id"))
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	s.send(w, http.StatusOK, m.object())
}
