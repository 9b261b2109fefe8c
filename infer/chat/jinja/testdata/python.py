"""Writes python.json: random templates and what Python makes of them.

Run in this folder with jinja2 3.1.6; the environment is the one in which
Hugging Face's transformers renders chat templates. The first argument is the
seed, the second how many cases are kept.
"""

import json
import random
import signal
import sys
import warnings

import jinja2
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True,
    extensions=[Generation, "jinja2.ext.loopcontrols"])
env.filters["tojson"] = tojson

VARS = {
    "s": "Hello, World é ß 中文 ab", "e": "", "n": 5, "z": 0, "neg": -7, "f": 2.5, "g": 1e16, "h": 1e-7,
    "t": True, "no": False, "nil": None, "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "m": [[1, 2], [3, 4]],
    "d": {"b": 1, "a": [1, 2, {"x": None}], "items": "I", "c d": "q'\"\\\n\t\u0001\u00e9"},
    "people": [{"name": "Bo", "age": 3}, {"name": "al", "age": 1}, {"name": "Cy", "age": 2, "k": {"z": [9]}}],
    "ws": "  a b\tc \n d  ", "lines": "a\nb\r\nc\n\nd", "html": "<a href='x'>&\"</a>", "num": "42", "fl": "3.75",
}
ATOMS = [*VARS, "undef", "d.a", 'd["b"]', "people[0]", "people[-1].k.z", "l[0]", '"x"', "'it\\'s'", "3", "-2", "1.5",
         '[1,"a"]', "(1,2)", '{"k":1}', "range(3)", "true", "none", "d.items()", "people[0].nope",
         'd.get("b")']
FILTERS = """abs upper lower title capitalize trim length count list first last reverse reverse|list sort
sort(reverse=true) unique|list join join(",") string int float int(7) float(1.5) round round(1) round(1,"ceil") tojson
tojson(indent=2) tojson(sort_keys=true) tojson(ensure_ascii=true) default("D") default("D",true) d("x") items|list
dictsort sum max min wordcount center(20) indent indent(2,true) indent(">",blank=true) truncate(5) truncate(9,true)
truncate(12,false,"~",0) replace("l","L") replace("l","",1) replace("","-") batch(2)|list batch(2,"f")|list
slice(2)|list slice(4,"f")|list map(attribute="name")|list map("string")|list map(attribute="age",default=9)|list
selectattr("k")|list selectattr("age","gt",1)|map(attribute="name")|list rejectattr("k","defined")|list
select("odd")|list reject("none")|list select|list groupby("age")|list sort(attribute="name")|list
sort(attribute="name",case_sensitive=true)|map(attribute="name")|list sum(attribute="age") escape e safe forceescape
urlencode format(1) attr("name") map("length")|list map("first")|list trim("Hd") max(attribute="age")
dictsort(by="value") list|length tojson|safe string|length""".split()
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence",
         "iterable", "odd", "even", "divisibleby(2)", "divisibleby 2", "in [1,2,5]", "eq(5)", "true", "false", "lower",
         "upper", "sameas(true)", "gt(2)", "escaped", "ne 5", 'in "hello"']
METHODS = ["upper()", "lower()", "strip()", "split()", 'split(",")', 'split(" ",1)', 'rsplit(" ",1)', 'split("o")',
           "split(None,1)", "rsplit(None,2)", "splitlines()", "splitlines(true)", 'startswith("He")',
           'startswith(("x","He"))', 'endswith("ab")', 'find("o")', 'find("o",5)', 'find("zz")', 'rfind("o")',
           'index("o")', 'count("l")', 'count("")', 'count("l",0,5)', 'replace("o","0")', 'replace("o","0",1)',
           'replace("","-",3)', "title()", "capitalize()", "swapcase()", "isdigit()", "isalpha()", "isalnum()",
           "isspace()", "isupper()", "islower()", "isascii()", "isnumeric()", "isdecimal()", "zfill(30)",
           'ljust(30,".")', "rjust(30)", 'center(31,"*")', 'lstrip("He")', 'rstrip("ba ")', 'strip("Hb")',
           'removeprefix("He")', 'removesuffix("ab")', 'partition(",")', 'rpartition("o")', 'partition("zz")',
           'rpartition("zz")', "join(ls)", 'join("abc")', "format(1,2)", "keys()", "values()", "items()", 'get("a")',
           'get("zz")', 'get("zz",4)', "index(1)", "count(1)", "copy()", "append(1)", "pop()", "update({})",
           "casefold()", "nope", "nope.x", "nope()"]
SUBSCRIPTS = ["[0]", "[-1]", "[9]", "[1:]", "[:-1]", "[::2]", "[::-1]", "[5:1:-2]", "[-3:]", "[:100]", "[-100:2]",
              "[3:1]", '["a"]', '["nope"]', "[none]", "[1.0]", "[true]", ".items", ".name", ".0", "[0:2]",
              "[10:-100:-1]", "[-1:0:-1]", "[:0]"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
LOOP = "{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.nextitem }}"
LEAVES = ["{% set x = X %}", "{% set ns.a = X %}", "{{ x }}", "{{ ns.a }}", LOOP, '{{ loop.cycle("a","b") }}',
          "{{ loop.changed(i) }}", "{% break %}", "{% continue %}", "{{ f(1) }}", "{{ f(X, b=X) }}", "{{ y }}",
          "{# c #}", "{#- c -#}", "{% raw %}{{ x }}{% endraw %}", "{{- x -}}", " \n", "\n  ", "  text", "a\n\n", "\t",
          "{%- raw -%} {% q %} {%- endraw -%}\n", "{{ i }}", "{{ k }}={{ v }}", "{% set ns = namespace(a=1) %}",
          "{% set a, b = 1, X %}{{ a }}{{ b }}", "  {% set q = 1 %}\n", "{{ f(1,2,3) }}"]
PAIRS = [("{% if X %}", "{% endif %}"), ("{% for i in X %}", "{% endfor %}"),
         ("{% for k, v in d.items() %}", "{% endfor %}"),
         ("{% for p in people if p.age > 1 %}", "{% else %}E{% endfor %}"),
         ("{% macro f(a, b=2) %}", "{% endmacro %}"), ("{% set x %}", "{% endset %}"),
         ("{% filter upper %}", "{% endfilter %}"), ("{% with y = X, x = 3 %}", "{% endwith %}"),
         ("{% generation %}", "{% endgeneration %}"), ("{%- for i in X -%}", "{%- endfor -%}"),
         ("{% if X %}\n", "{% else %}\nno\n{% endif %}\n"), ("  {%- if X %}\n", "  {%- endif %}\n"),
         ("{%+ if X +%}", "{%+ endif +%}"),
         ("{% macro g(a) %}", '{{ caller("z") if caller is defined }}{% endmacro %}'),
         ("{% call(q) g(1) %}", "{{ q }}{% endcall %}"),
         ("{% for i in X recursive %}", "{{ loop(i) if i is iterable and i is not string and loop.depth < 3 }}{% endfor %}")]
SLICED = ["s", "l", "ls", "m", "ws", "d.a", "(1,2)", '"x"', "e"]
seed, keep = int(sys.argv[1]), int(sys.argv[2])
pick = random.Random(seed)


def subscripted(inner):
    """Slices only what can be sliced: of constants that cannot, Jinja makes nothing when it compiles them."""
    subscript = pick.choice(SUBSCRIPTS)
    return f"({pick.choice(SLICED) if ':' in subscript else inner}){subscript}"


def expression(depth):
    k = pick.randrange(12)
    if depth == 0 or k < 3:
        return pick.choice(ATOMS)
    inner = expression(depth - 1)
    if k == 3:
        return f"({inner})|{pick.choice(FILTERS)}"
    if k == 4:
        return f"({inner} is {pick.choice(TESTS)})"
    if k == 5:
        return f"({inner}).{pick.choice(METHODS)}"
    if k == 6:
        return subscripted(inner)
    if k == 7:
        return f"({inner} if {expression(depth - 1)} else {expression(depth - 1)})"
    if k == 8:
        return f"not {inner}"
    if k == 9:
        return f"-{inner}"
    return f"{inner} {pick.choice(OPERATORS)} {expression(depth - 1)}"


def statements(depth):
    out = ""
    for _ in range(pick.randrange(1, 5)):
        if depth and pick.random() < 0.45:
            begin, end = pick.choice(PAIRS)
            out += begin + statements(depth - 1) + end
        else:
            out += pick.choice(LEAVES)
    while "X" in out:
        out = out.replace("X", expression(1), 1)
    return out


def template():
    k = pick.randrange(10)
    atom = pick.choice(ATOMS)
    if k < 2:
        return "{{ %s|%s }}" % (atom, pick.choice(FILTERS))
    if k < 3:
        return "{{ %s is %s }}" % (atom, pick.choice(TESTS))
    if k < 5:
        return "{{ (%s).%s }}" % (atom, pick.choice(METHODS))
    if k < 6:
        return "{{ %s }}" % subscripted(atom)
    if k < 7:
        return "{{ %s }}" % expression(3)
    return statements(3)


class TooLong(Exception):
    pass


def alarm(*_):
    raise TooLong()


def render(source):
    """Returns the output, or None where Python refuses."""
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        return env.from_string(source).render(**json.loads(json.dumps(VARS)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, alarm)
    cases, seen = [], set()
    while len(cases) < keep:
        source = template()
        if source in seen:
            continue
        seen.add(source)
        try:
            out = render(source)
        except TooLong:
            continue
        except Exception:
            out = None
        if out is None and pick.random() < 0.8:  # most are the same few refusals
            continue
        if out and (len(out) > 400 or "0x" in out.lower() or "built-in" in out or "object" in out or "range(" in out):
            continue  # addresses of objects are not to be compared
        cases.append([source, out])
    with open("python.json", "w") as f:
        head = json.dumps(VARS)
        f.write('{"seed": %d, "jinja2": "%s", "vars": %s, "cases": [\n' % (seed, jinja2.__version__, head))
        f.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in cases))
        f.write("\n]}\n")


main()
