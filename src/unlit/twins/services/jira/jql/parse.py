"""Reads JQL text. Messages follow Jira Cloud's (seen 2022-2026)."""

from typing import Final, cast

from unlit.twins.services.jira.jql.model import (
    Call,
    Clause,
    Condition,
    Empty,
    Group,
    JqlError,
    Not,
    Operand,
    Operator,
    Predicate,
    Query,
    Sort,
    Values,
    Word,
)
from unlit.twins.services.jira.jql.tokens import RESERVED, Token, tokens

_OPERATORS: Final = "'=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'"
_HISTORY: Final = frozenset({"after", "before", "on", "during", "by", "from", "to"})


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        JqlError: The text is not JQL; the message says where.
    """
    return _Parser(tokens(text)).query()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def symbol(self, *texts: str) -> bool:
        if self.now.kind == "symbol" and self.now.text in texts:
            self.at += 1
            return True
        return False

    def word(self, *texts: str) -> bool:
        if self.now.low in texts and self.now.low:
            self.at += 1
            return True
        return False

    def fail(self, wanted: str, quote: str | None = None) -> JqlError:
        token = self.now
        if token.kind == "end":
            return JqlError(
                f"Error in the JQL Query: Expecting {wanted} before the end of the query."
            )
        hint = ""
        if quote is not None and token.low in RESERVED:
            return JqlError(
                f"Error in the JQL Query: Expecting {wanted} but got '{token.text}'. You must "
                f"surround '{token.text}' in quotation marks to use it as a {quote}. {token.at()}"
            )
        return JqlError(
            f"Error in the JQL Query: Expecting {wanted} but got '{token.text}'.{hint} {token.at()}"
        )

    def query(self) -> Query:
        where: Condition | None = None
        if self.now.kind != "end" and self.now.low != "order":
            where = self.either()
        order: tuple[Sort, ...] = ()
        if self.word("order"):
            if not self.word("by"):
                raise self.fail("'by'")
            order = self.sorts()
        if self.now.kind != "end":
            if order:
                raise self.fail("','")
            raise self.fail("either 'OR' or 'AND'")
        return Query(where, order)

    def sorts(self) -> tuple[Sort, ...]:
        out: list[Sort] = []
        while True:
            name = self.field()
            down = True if self.word("desc") else False if self.word("asc") else None
            out.append(Sort(name, down))
            if not self.symbol(","):
                return tuple(out)

    def either(self) -> Condition:
        parts = [self.both()]
        while self.word("or") or self.symbol("||", "|"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Group("or", tuple(parts))

    def both(self) -> Condition:
        parts = [self.single()]
        while self.word("and") or self.symbol("&&", "&"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else Group("and", tuple(parts))

    def single(self) -> Condition:
        if self.word("not") or self.symbol("!"):
            return Not(self.single())
        if self.symbol("("):
            inner = self.either()
            if not self.symbol(")"):
                raise self.fail("either 'OR', 'AND' or ')'" if self.now.kind != "end" else "')'")
            return inner
        return self.clause()

    def field(self) -> str:
        token = self.now
        if token.kind == "quoted":
            self.at += 1
            return token.text
        if token.low == "cf" and self.tokens[self.at + 1].text == "[":
            return self.custom()
        if token.kind != "word" or token.low in RESERVED - {"user", "field"}:
            raise self.fail("a field name", "field name")
        self.at += 1
        name = token.text
        if self.now.text == "[" and self.now.kind == "symbol":
            name += self.property()
        return name

    def custom(self) -> str:
        self.at += 2
        number = self.take()
        if number.kind != "word" or not number.text.isdigit() or not self.symbol("]"):
            raise self.fail("a custom field ID")
        return f"cf[{number.text}]"

    def property(self) -> str:
        self.at += 1
        name = self.take().text
        if not self.symbol("]"):
            raise self.fail("']'")
        path = ""
        if self.now.kind == "word" and self.now.text.startswith("."):
            path = self.take().text
        return f"[{name}]{path}"

    def clause(self) -> Clause:
        name = self.field()
        operator = self.operator()
        if operator == "changed":
            return Clause(name, operator, None, self.predicates())
        operand = self.operand(lists=operator in ("in", "not in", "was in", "was not in"))
        predicates = self.predicates() if operator.startswith("was") else ()
        return Clause(name, operator, operand, predicates)

    def operator(self) -> Operator:
        token = self.now
        if token.kind == "symbol" and token.text in ("=", "!=", "<", ">", "<=", ">=", "~", "!~"):
            self.at += 1
            return cast("Operator", token.text)
        if self.word("changed"):
            return "changed"
        if self.word("in"):
            return "in"
        if self.word("not"):
            if not self.word("in"):
                raise self.fail("'IN'")
            return "not in"
        for word in ("is", "was"):
            if self.word(word):
                return self._more(word)
        if token.kind == "end":
            raise self.fail("operator")
        raise JqlError(
            f"Error in the JQL Query: Expecting operator but got '{token.text}'. The valid "
            f"operators are {_OPERATORS}. {token.at()}"
        )

    def _more(self, word: str) -> Operator:
        text = word + (" not" if self.word("not") else "")
        if word == "was" and self.word("in"):
            text += " in"
        return cast("Operator", text)

    def operand(self, *, lists: bool) -> Operand:
        wanted = "either a value, list or function"
        if self.symbol("("):
            items = [self.value(wanted)]
            while self.symbol(","):
                items.append(self.value(wanted))
            if not self.symbol(")"):
                raise self.fail("',' or ')'" if self.now.kind != "end" else "')'")
            return Values(tuple(items))
        return self.value(wanted)

    def value(self, wanted: str) -> Word | Call | Empty:
        token = self.now
        if token.kind == "quoted":
            self.at += 1
            if self.symbol("("):
                return self.call(token.text)
            return Word(token.text, quoted=True)
        if token.low in ("empty", "null"):
            self.at += 1
            return Empty()
        if token.kind != "word" or token.low in RESERVED:
            raise self.fail(wanted, "value")
        self.at += 1
        if self.symbol("("):
            return self.call(token.text)
        return Word(token.text)

    def call(self, name: str) -> Call:
        args: list[str] = []
        if self.symbol(")"):
            return Call(name)
        while True:
            token = self.take()
            if token.kind not in ("word", "quoted"):
                self.at -= token.kind != "end"
                raise self.fail("a function argument")
            args.append(token.text)
            if self.symbol(")"):
                return Call(name, tuple(args))
            if not self.symbol(","):
                raise self.fail("',' or ')'" if self.now.kind != "end" else "')'")

    def predicates(self) -> tuple[Predicate, ...]:
        out: list[Predicate] = []
        while self.now.low in _HISTORY and self.now.low:
            name = self.take().low
            out.append(Predicate(name, self.operand(lists=True)))
        return tuple(out)
