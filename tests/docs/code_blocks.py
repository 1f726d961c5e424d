"""Reading code blocks of the documentation, and checking what can be checked without running them."""

import ast
import builtins
import doctest
import functools
import importlib
import inspect
import re
import textwrap
from contextlib import suppress
from dataclasses import dataclass

DIRECTIVE = re.compile(r"^(?P<indent> *)\.\. code-block:: +python\s*$|^(?P<literal> *)(?!.*\.\. ).*::\s*$")
# What a literal block may begin with that is no Python.
COMMANDS = ("$ ", "sphinx-build", "python", "pip", "pytest", "git", "astronn", "export", "setx", "Error", "sas/")


@dataclass
class Block:
    """Code of a page, `line` is where it begins; `runs` says whether it is a doctest."""

    line: int
    code: str
    runs: bool


def blocks_of(text):
    """All Python of a page: doctests, blocks marked as Python, and literal blocks that are nothing else."""
    found = [Block(e.lineno + 1, e.source, True) for e in doctest.DocTestParser().get_examples(text)]
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = DIRECTIVE.match(line)
        if match is None:
            continue
        code = _body(lines[number + 1 :], len(match["indent"] if match["literal"] is None else match["literal"]))
        marked = match["literal"] is None
        if code and not code.startswith(">>>") and (marked or not code.startswith(COMMANDS)):
            found.append(Block(number + 2, code, False))
    return sorted(found, key=lambda block: block.line)


def _body(lines, indent):
    """Text that is indented deeper than its directive, without the directive's options."""
    body = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        body.append(line)
    return re.sub(r"\A(\s*:\w+:.*\n)+", "", textwrap.dedent("\n".join(body)).strip("\n"))


UNKNOWN = object()


class Instance:
    """An object of a class, fresh, for its attributes."""

    def __init__(self, kind):
        self.example = kind()


def instance_of(kind):
    """What a variable holds after a call of the class `kind`; of those of others nothing is known."""
    if not kind.__module__.startswith("astroNN"):
        return UNKNOWN
    for arguments in ((), ("name",)):
        with suppress(TypeError, ValueError, OSError):  # it needs others
            return Instance(functools.partial(kind, *arguments))
    return UNKNOWN


class Checker(ast.NodeVisitor):
    """Names, attributes and arguments that a piece of code uses, against the package as it is.

    Parameters
    ----------
    known : dict
        Names that the reader knows, and what they are: an object, an `Instance`, or `UNKNOWN`.
    elsewhere : set of str
        Packages that need not be installed.
    returns : dict
        Functions, and the class of what they give.
    """

    def __init__(self, known, elsewhere=(), returns=()):
        self.names = dict.fromkeys(dir(builtins), UNKNOWN) | known
        self.elsewhere, self.returns = set(elsewhere), dict(returns)
        self.wrong = []

    def check(self, code, told=True):
        """Go through `code`; what is wrong is remembered only if it is to be `told`."""
        before = list(self.wrong)
        self.visit(ast.parse(code))
        if not told:
            self.wrong = before

    def visit_Import(self, node):
        for alias in node.names:
            self._bind(alias.asname or alias.name.split(".")[0], self._module(alias.name))

    def visit_ImportFrom(self, node):
        module = self._module(node.module)
        for alias in node.names:
            value = UNKNOWN
            if module is not UNKNOWN:
                value = getattr(module, alias.name, None)
                if value is None:
                    self.wrong.append(f"{node.module} has no {alias.name}")
            self._bind(alias.asname or alias.name, value)

    def visit_Assign(self, node):
        value = self._value(node.value)
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._bind(target.id, value)
            else:
                self._targets(target)

    def visit_For(self, node):
        self._targets(node.target)
        self.generic_visit(node)

    def visit_With(self, node):
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._targets(item.optional_vars)
        for line in node.body:
            self.visit(line)

    def visit_FunctionDef(self, node):
        self._bind(node.name, UNKNOWN)
        for argument in [
            *node.args.posonlyargs,
            *node.args.args,
            *node.args.kwonlyargs,
            node.args.vararg,
            node.args.kwarg,
        ]:
            if argument is not None:
                self._bind(argument.arg, UNKNOWN)
        self.generic_visit(node)

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        self._bind(node.name, UNKNOWN)

    def visit_ExceptHandler(self, node):
        if node.name:
            self._bind(node.name, UNKNOWN)
        self.generic_visit(node)

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id not in self.names:
            self.wrong.append(f"{node.id} is not defined on the page")

    def visit_Attribute(self, node):
        owner = self._value(node.value)
        if owner is not UNKNOWN and self._attribute(owner, node.attr) is None:
            self.wrong.append(f"{ast.unparse(node.value)} has no attribute {node.attr}")
        self.visit(node.value)

    def visit_Call(self, node):
        called = self._value(node.func)
        if callable(called):
            self._check_arguments(called, node)
        self.generic_visit(node)

    def _module(self, name):
        if name.split(".")[0] in self.elsewhere or name in self.elsewhere:
            return UNKNOWN
        try:
            return importlib.import_module(name)
        except ImportError as error:
            self.wrong.append(f"{name} can't be imported ({error})")
            return UNKNOWN

    def _bind(self, name, value):
        self.names[name] = UNKNOWN if value is None else value

    def _targets(self, target):
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bind(node.id, UNKNOWN)
            elif isinstance(node, ast.Attribute):
                self.visit_Attribute(node)

    def _attribute(self, owner, name):
        try:
            value = getattr(owner.example if isinstance(owner, Instance) else owner, name)
        except AttributeError:
            return None
        return UNKNOWN if value is None or not (callable(value) or inspect.ismodule(value)) else value

    def _value(self, node):
        """What an expression is, as far as it is known."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, UNKNOWN)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            return UNKNOWN if owner is UNKNOWN else self._attribute(owner, node.attr) or UNKNOWN
        if isinstance(node, ast.Call):
            called = self._value(node.func)
            kind = called if inspect.isclass(called) else self.returns.get(called) if callable(called) else None
            return UNKNOWN if kind is None else instance_of(kind)
        if isinstance(node, ast.IfExp):
            return self._value(node.orelse)
        return UNKNOWN

    def _check_arguments(self, called, node):
        try:
            signature = inspect.signature(called)
        except (TypeError, ValueError):  # some functions in C tell nothing
            return
        if any(isinstance(argument, ast.Starred) for argument in node.args) or any(
            k.arg is None for k in node.keywords
        ):
            return
        try:
            signature.bind(*node.args, **{keyword.arg: keyword for keyword in node.keywords})
        except TypeError as error:
            self.wrong.append(f"{ast.unparse(node.func)}: {error}")
