package grammar

import (
	"strings"
	"testing"
)

// bytesVocabulary has a token for each byte, and token 256 ends.
func bytesVocabulary() *Vocabulary {
	tokens := make([][]byte, 257)
	for i := range 256 {
		tokens[i] = []byte{byte(i)}
	}
	return NewVocabulary(tokens, []int32{256})
}

// accepts reports whether a text is one of a grammar's.
func accepts(g *Grammar, text string) bool {
	s := bytesVocabulary().Compile(g).Start()
	return s.AcceptText([]byte(text)) == nil && s.Done()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, source, yes, no string }{
		{"literal", `root ::= "ab\n\"\\\x41\u00e4\U0001F600"`, "ab\n\"\\Aä😀", "ab"},
		{"alternatives", `root ::= "a" | | "b" "c"`, ",a,bc", "ab,abc,b"},
		{"continued", "root ::= \"a\" |\n  \"b\" # comment | \"x\"\nother ::= \"c\"", "a,b", "c,x"},
		{"group", "root ::= (\n \"a\"\n | # or\n \"b\"\n) \"c\"", "ac,bc", "a,b,c"},
		{"repeats", `root ::= "a"* "b"+ "c"?`, "b,aab,abbc", ",a,ac,abcc"},
		{"braces", `root ::= "a"{2} [bc]{1,2} "d"{ 1 , } "e"{0,1}`, "aabd,aabcdde", "abd,aad,aabbbd,aab,aabdee"},
		{"repeat of repeat", `root ::= "ab"?{2}`, ",ab,abab", "ababab,a"},
		{"class", `root ::= [a-c\]\-x-]+`, "a,c],-x", "d,[,"},
		{"negated", `root ::= [^a-y"]+`, "z,ü,😀\n", "a,\""},
		{"any", `root ::= . "."`, "a.,\n.,é.,😀.", ".,ab"},
		{"rules", "root ::= a b-c a\na ::= \"1\"\nb-c ::= a | \"2\" a", "111,1211", "11,121"},
		{"recursion", `root ::= "(" root ")" | "x"`, "x,((x))", "((x),()"},
		{"right recursion", `root ::= "a" root | ""`, ",aaaaaa", "b,ab"},
		{"nullable head", "root ::= n \"a\" root | \"b\"\nn ::= \"n\"?", "b,ab,nanab", "nb,a"},
		{"nullable everything", "root ::= (n n)* n\nn ::= \"n\"?", ",n,nnnnn", "a,nna"},
		{"shared beginnings", "root ::= a | b\na ::= \"x\" \"y\"* \"1\"\nb ::= \"x\" \"y\"* \"2\"", "xyy1,x2", "x,xyy,12"},
		{"counted", `root ::= "<" [^>]{3,100} ">" [0-9]{5000,} "."`, "<abc>" + strings.Repeat("7", 5000) + ".,<äöü>" + strings.Repeat("1", 6000) + ".", "<ab>,<abc>777.,<" + strings.Repeat("a", 101) + ">" + strings.Repeat("7", 5000) + "."},
		{"counted groups", `root ::= ("ab" | "c" [0-9]){300,1000000000}`, strings.Repeat("abc1", 150), strings.Repeat("abc1", 149) + "ab," + strings.Repeat("ab", 300) + "c"},
		{"counted no prefix code", `root ::= ("a" | "ab"){300}`, strings.Repeat("aab", 150), strings.Repeat("aab", 149) + "a"},
		{"counted empty", `root ::= "x" [a-z]{0,9999} [a-z]{0,9999}`, "x,xa", "y,a"},
		{"counted at once", `root ::= [a-z]{2,9999}`, "ab,abc", "a,"},
		{"counted copied", "root ::= r r\nr ::= [a-z]{1,300} \"!\"", "a!b!,aa!bb!", "a!,aa!!"},
		{"dead branch", "root ::= \"a\" | \"b\" never\nnever ::= \"x\" never", "a", "b,bx"},
	} {
		g, err := Parse(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for text := range strings.SplitSeq(c.yes, ",") {
			if !accepts(g, text) {
				t.Errorf("%s: %.60q is refused", c.name, text)
			}
		}
		for text := range strings.SplitSeq(c.no, ",") {
			if accepts(g, text) {
				t.Errorf("%s: %.60q is accepted", c.name, text)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, want string }{
		{"", "line 1, column 1: there is no rule root"},
		{`a ::= "b"`, "line 1, column 10: there is no rule root"},
		{"root ::= a\n  # c\nb ::= c", "line 1, column 10: rule \"a\" is not defined"},
		{"root ::= \"ä\" other", "line 1, column 14: rule \"other\""},
		{"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: rule \"root\" is defined twice"},
		{"root ::= root \"a\" | \"b\"", "line 1, column 1: rule \"root\" is left recursive"},
		{"root ::= \"x\" a\na ::= b? a \"c\"\nb ::= \"b\"", "line 2, column 1: rule \"a\" is left recursive"},
		{"root ::= a\na ::= b\nb ::= (\"x\"* c)+\nc ::= a", "left recursive"},
		{"root = a", "line 1, column 6: ::= is expected"},
		{"root ::= \"a", "line 1, column 10: the text has no end"},
		{"root ::= [a", "line 1, column 10: the class has no end"},
		{"root ::= []", "the class is empty"},
		{"root ::= [z-a]", "line 1, column 11: the range goes backwards"},
		{"root ::= (\"a\"", "line 1, column 10: the group has no end"},
		{"root ::= (\"a\" ]", "line 1, column 15: ) is expected"},
		{"root ::= \"a\" )", "line 1, column 14: \")\" is not expected"},
		{"root ::= *", "line 1, column 10: '*' repeats nothing"},
		{"root ::= \"a\"{", "a number is expected"},
		{"root ::= \"a\"{1", "} is expected"},
		{"root ::= \"a\"{2,1}", "line 1, column 13: the repetition's bounds"},
		{"root ::= \"a\"{99999999999}", "the number is more than"},
		{"root ::= \"\\q\"", "line 1, column 11: the escape is none of"},
		{"root ::= \"\\x4\"", "hexadecimal digits"},
		{"root ::= \"\\ud800\"", "U+D800 is no character"},
		{"root ::= <think>", "single tokens"},
		{"root ::= \"a\" <[5]>", "line 1, column 14: the notation for single tokens"},
		{"root ::= !<[5]>", "single tokens"},
		{"root ::= \"\xff\"", "line 1, column 11: this is not UTF-8"},
		{"root ::= \"x\" root", "no finite text"},
		{"root ::= " + strings.Repeat("(", 300), "nested more than 256"},
		{"root ::= \"a\"" + strings.Repeat("?", 300), "more than 256 repetitions"},
		{"root ::= (a b){1000000}\na ::= \"x\"+\nb ::= \"(\" a* \")\"?", "it needs more than"},
		{"root ::= ((([ab]{0,999} \"x\"){0,999} \"y\"){0,999})", "it needs more than"},
		{"root ::= ([ab]* [a] [ab]{30})", "it needs more than"},
		{strings.Repeat("x", MaxSource+1), "more than 1048576"},
	} {
		if _, err := Parse(c.source); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v, want %s", c.source, err, c.want)
		}
	}
}
