package jinja

var listMethods = map[string]func(r *run, l *List, a callArgs) Value{
	"copy": func(r *run, l *List, a callArgs) Value {
		return listFilter(r, l, a)
	},
	"count": func(r *run, l *List, a callArgs) Value {
		v := a.bind(r, "count", 1, "value").values[0]
		n := int64(0)
		for _, item := range l.items {
			if r.equal(item, v, 0) {
				n++
			}
		}
		return n
	},
	"index": func(r *run, l *List, a callArgs) Value {
		v := a.bind(r, "index", 1, "value").values[0]
		for i, item := range l.items {
			if r.equal(item, v, 0) {
				return int64(i)
			}
		}
		fail("index: the value is not in the list")
		return nil
	},
}

var dictMethods = map[string]func(r *run, d *Dict, a callArgs) Value{
	"copy": func(r *run, d *Dict, a callArgs) Value {
		a.bind(r, "copy", 0)
		return newDict(r, callArgs{plain: []Value{d}})
	},
	"get": func(r *run, d *Dict, a callArgs) Value {
		b := a.bind(r, "get", 1, "key", "default")
		if v, ok := r.find(d, b.values[0]); ok {
			return v
		}
		return b.values[1]
	},
	"items": func(r *run, d *Dict, a callArgs) Value {
		a.bind(r, "items", 0)
		return &sequence{kind: "dict_items", items: r.pairs(d)}
	},
	"keys": func(r *run, d *Dict, a callArgs) Value {
		a.bind(r, "keys", 0)
		return &sequence{kind: "dict_keys", items: d.keys}
	},
	"values": func(r *run, d *Dict, a callArgs) Value {
		a.bind(r, "values", 0)
		return &sequence{kind: "dict_values", items: d.values}
	},
}
