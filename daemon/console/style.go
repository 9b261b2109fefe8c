package console

import (
	"fmt"

	"github.com/a472be26/cusp/router"
)

// style is how marks look.
type style interface {
	mark(router.Receipt) string
	dim(string) string
}

// plain has no colours.
type plain struct{}

func (plain) dim(text string) string { return text }

func (plain) mark(r router.Receipt) string { return mark(r) }

// mark says which way an answer took: "[local 0.981 >= 0.930]", "[cloud: declined,
// MODEL]", "[provisional: deadline 0.712 < 0.930]".
func mark(r router.Receipt) string {
	text := "[" + string(r.Route)
	if r.Route != router.RouteLocal {
		text += ": " + string(r.Reason)
	}
	if r.Confidence != nil && r.Threshold != nil {
		sign := "<"
		if *r.Confidence >= *r.Threshold {
			sign = ">="
		}
		text += fmt.Sprintf(" %.3f %s %.3f", *r.Confidence, sign, *r.Threshold)
	}
	if r.Route == router.RouteCloud {
		text += ", " + r.Model
	}
	return text + "]"
}

// colours are those of a terminal (ECMA-48, SGR).
type colours struct{}

var colour = map[router.Route]string{router.RouteLocal: "32", router.RouteCloud: "34", router.RouteProvisional: "33"}

func (colours) dim(text string) string { return "\x1b[2m" + text + "\x1b[0m" }

func (colours) mark(r router.Receipt) string {
	return "\x1b[" + colour[r.Route] + "m" + mark(r) + "\x1b[0m"
}
