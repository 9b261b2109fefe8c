package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// The help must not fall behind the table.
func TestConvertHelpListsTheTypes(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[convertCmd]().FieldByName("Type")
	for _, name := range quant.MixNames() {
		if !strings.Contains(field.Tag.Get("help"), name) {
			t.Errorf("the help of --type does not mention %q", name)
		}
	}
}
