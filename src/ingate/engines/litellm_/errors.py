from ingate._errors import IngateError
def translate(error, route, seen):
    if isinstance(error, IngateError): return error
    return error
