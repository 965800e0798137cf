"""Plans in the forms of other models, read into chains and written. `reader.read_plan` is the way in.

    reader      the table of forms, and what is done with any of them
    cleaning    thinking, chat templates, stop tokens, code fences, Markdown: dropped before a form is looked for
    prose       boxes within prose, in every spelling, with or without the tokens of a model
    tokens      forms that count in tokens of their own: Florence-2, PaliGemma, Kosmos-2
    objects     JSON and Python data, of the models that answer with it
    entries     what an object of data says of its box; keys: the names it may have
    layouts     texts for layout-to-image programs: LMD, LayoutGPT, Omost, RPG, CreatiLayout, RePlan
    tables      tables and markup: Markdown, CSV, YAML, XML
    corners     the words around numbers: corners, a point with a size, links to the phrase
    declared    what a text says of its own numbers: order, units, image size
    values      numbers, sides and boxes as they are written
    loose_json  a JSON reader that takes damaged JSON
    scaling     from a form's numbers to the chain's grid
    building    from a plan to a chain's text
    color_words colors in every spelling
    writing     the way back: chains in the forms of other models; places: where a box is, in words

A new form is one line in the reader's table and a function from a cleaned text to a Plan (see plan.py). The function
returns None for a text in another form. All of it takes linear time, never recurses, and raises nothing but ChainError.
Standard library only.
"""
