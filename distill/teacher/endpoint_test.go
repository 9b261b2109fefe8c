package teacher

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want, wrong string
		status                  int
	}{
		{"answer", `{"choices":[{"message":{"content":" forty-two \n"}}]}`, "forty-two", "", 200},
		{"refused", `{"error":{"message":"no"}}`, "", "status 401", 401},
		{"rubbish", `<html>`, "", "response", 200},
		{"no choice", `{"choices":[]}`, "", "no answer", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked = r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(body)
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer server.Close()
			e := Endpoint{URL: server.URL + "/v1/", Model: "m", Key: "secret", HTTP: server.Client()}
			got, err := e.Answer(context.Background(), "why?")
			if got != c.want || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the key is in the error: %v", err)
			}
			for _, part := range []string{"/v1/chat/completions", "Bearer secret", `"why?"`} {
				if !strings.Contains(asked, part) {
					t.Errorf("request %s lacks %s", asked, part)
				}
			}
		})
	}
}
