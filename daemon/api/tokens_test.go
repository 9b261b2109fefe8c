package api

import (
	"fmt"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	all, err := ParseTokens([]byte("# ours\r\n\r\n  first-token-0123456\r\n\tsecond-token-0123456"))
	if err != nil || len(all) != 2 {
		t.Fatalf("%d tokens, error %v", len(all), err)
	}
	for token, want := range map[string]bool{
		"first-token-0123456": true, "second-token-0123456": true, "": false, "first-token-012345": false, "first-token-0123456 ": false, "# ours": false,
	} {
		if all.Has(token) != want {
			t.Errorf("%q: %t", token, !want)
		}
	}
	if (Tokens)(nil).Has("") {
		t.Error("no tokens have the empty one")
	}
	if text := fmt.Sprintf("%v %+v %s", all, all, all); strings.Contains(text, "first") {
		t.Error("a token can be printed")
	}
	for text, says := range map[string]string{
		"": "no token", "# none\n": "no token", "\nshort-secret\n": "line 2", "with space in the middle": "line 1", "nöt-ascii-0123456789": "line 1",
	} {
		if _, err := ParseTokens([]byte(text)); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
