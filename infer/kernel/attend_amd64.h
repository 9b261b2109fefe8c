// Scores and values of some queries: up to 14 with AVX-512, up to 6 with AVX2,
// two registers to each. A row is a query's part of a matrix; row r and those
// after it are at
//
//	(a), (a)(ld*1), (a)(ld*2), (a)(ld3*1), and the same from b, c and d on
//
// Every number of rows has code of its own, so that none is computed in vain
// and each row's sum is one chain of multiply-adds, whatever the others are.

// EACHn does DO(address, Z registers, Y registers) for n rows.
#define EACH1(DO, a, b, c, d, ld, ld3) \
	DO((a), Z0, Z1, Y0, Y1)
#define EACH2(DO, a, b, c, d, ld, ld3) \
	EACH1(DO, a, b, c, d, ld, ld3)     \
	DO((a)(ld*1), Z2, Z3, Y2, Y3)
#define EACH3(DO, a, b, c, d, ld, ld3) \
	EACH2(DO, a, b, c, d, ld, ld3)     \
	DO((a)(ld*2), Z4, Z5, Y4, Y5)
#define EACH4(DO, a, b, c, d, ld, ld3) \
	EACH3(DO, a, b, c, d, ld, ld3)     \
	DO((a)(ld3*1), Z6, Z7, Y6, Y7)
#define EACH5(DO, a, b, c, d, ld, ld3) \
	EACH4(DO, a, b, c, d, ld, ld3)     \
	DO((b), Z8, Z9, Y8, Y9)
#define EACH6(DO, a, b, c, d, ld, ld3) \
	EACH5(DO, a, b, c, d, ld, ld3)     \
	DO((b)(ld*1), Z10, Z11, Y10, Y11)
#define EACH7(DO, a, b, c, d, ld, ld3) \
	EACH6(DO, a, b, c, d, ld, ld3)     \
	DO((b)(ld*2), Z12, Z13, none, none)
#define EACH8(DO, a, b, c, d, ld, ld3) \
	EACH7(DO, a, b, c, d, ld, ld3)     \
	DO((b)(ld3*1), Z14, Z15, none, none)
#define EACH9(DO, a, b, c, d, ld, ld3) \
	EACH8(DO, a, b, c, d, ld, ld3)     \
	DO((c), Z16, Z17, none, none)
#define EACH10(DO, a, b, c, d, ld, ld3) \
	EACH9(DO, a, b, c, d, ld, ld3)      \
	DO((c)(ld*1), Z18, Z19, none, none)
#define EACH11(DO, a, b, c, d, ld, ld3) \
	EACH10(DO, a, b, c, d, ld, ld3)     \
	DO((c)(ld*2), Z20, Z21, none, none)
#define EACH12(DO, a, b, c, d, ld, ld3) \
	EACH11(DO, a, b, c, d, ld, ld3)     \
	DO((c)(ld3*1), Z22, Z23, none, none)
#define EACH13(DO, a, b, c, d, ld, ld3) \
	EACH12(DO, a, b, c, d, ld, ld3)     \
	DO((d), Z24, Z25, none, none)
#define EACH14(DO, a, b, c, d, ld, ld3) \
	EACH13(DO, a, b, c, d, ld, ld3)     \
	DO((d)(ld*1), Z26, Z27, none, none)

// ROWS sets what EACH needs from a and ld, which is in values on entry.
#define ROWS(a, b, c, d, ld, ld3) \
	SHLQ $2, ld          \
	LEAQ (ld)(ld*2), ld3 \
	LEAQ (a)(ld*4), b    \
	LEAQ (b)(ld*4), c    \
	LEAQ (c)(ld*4), d

// UPTO6 and UPTO14 jump to the code for n rows, or fall into that for the most.
#define UPTO6(n) \
	CMPQ n, $2 \
	JB   one   \
	JE   two   \
	CMPQ n, $4 \
	JB   three \
	JE   four  \
	CMPQ n, $6 \
	JB   five

#define UPTO14(n) \
	CMPQ n, $8   \
	JE   eight   \
	JA   more    \
	UPTO6(n)     \
	JE   six     \
	JMP  seven   \
more:            \
	CMPQ n, $10  \
	JB   nine    \
	JE   ten     \
	CMPQ n, $12  \
	JB   eleven  \
	JE   twelve  \
	CMPQ n, $14  \
	JB   thirteen

// What a page holds: binary16 or float32.
#define HALVES(at, y) VCVTPH2PS at, y
#define FLOATS(at, y) VMOVUPS at, y
